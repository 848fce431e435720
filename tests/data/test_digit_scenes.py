import numpy as np
import pytest

from attnbench.data.cluttered_digits import _source_digits
from attnbench.data.digit_scenes import CELL, Scenes, boxes_of, draw_scenes

DIGITS, LABELS = (array[:60] for array in _source_digits())


def draw(num_images: int = 90, **settings: float) -> Scenes:
    chosen = {"size": 28, "clutter": 0, "noise": 0.0, "seed": (0,), **settings}
    return draw_scenes(DIGITS, LABELS, num_images=num_images, **chosen)  # type: ignore[arg-type]


def test_boxes_equal_a_loop_over_masks() -> None:
    masks = np.random.RandomState(0).uniform(size=(50, 6, 9)) < 0.05
    masks[:, 3, 4] = True
    for box, mask in zip(boxes_of(masks), masks, strict=True):
        rows, columns = np.nonzero(mask)
        assert box.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_each_source_is_drawn_equally_often_with_its_label() -> None:
    scenes = draw(150)
    counts = np.bincount(scenes.sources, minlength=60)
    assert set(counts) == {2, 3}
    assert scenes.labels.tolist() == LABELS[scenes.sources].tolist()


@pytest.mark.parametrize("size", [24, 28])
def test_the_whole_digit_and_nothing_else_is_drawn_without_clutter(size: int) -> None:
    scenes = draw(size=size)
    for pixels, source, mask in zip(scenes.pixels[:, 0], scenes.sources, scenes.masks, strict=True):
        # Bilinear scaling keeps the sum: its ratio to the source's is the square of the scale.
        scale = np.sqrt(pixels.sum() / 255 / (DIGITS[source].sum() / 16))
        rows, columns = np.nonzero(pixels)
        source_rows, source_columns = np.nonzero(DIGITS[source])
        for drawn, own in ((rows, source_rows), (columns, source_columns)):
            extent = (np.ptp(own) + 2) * scale
            assert extent - 2.5 <= np.ptp(drawn) + 1 <= extent + 2
        assert (pixels[mask] > 0.39 * 255).all()
        assert (pixels[~mask] < 0.41 * 255).all()


def test_the_drawn_digit_looks_like_its_source() -> None:
    scenes = draw()
    for pixels, source, (x0, y0, x1, y1) in zip(scenes.pixels[:, 0], scenes.sources, scenes.boxes, strict=True):
        cell = DIGITS[source] / 16
        (own,) = boxes_of(cell[None] > 0.4)
        rows = own[1] + (np.arange(y0, y1) - y0 + 0.5) * (own[3] - own[1]) / (y1 - y0)
        columns = own[0] + (np.arange(x0, x1) - x0 + 0.5) * (own[2] - own[0]) / (x1 - x0)
        nearest = cell[np.minimum(rows, CELL - 1).astype(int)][:, np.minimum(columns, CELL - 1).astype(int)]
        assert np.corrcoef(nearest.ravel(), pixels[y0:y1, x0:x1].ravel())[0, 1] > 0.3


def test_clutter_lies_over_everything_but_darkens_nothing() -> None:
    scenes = draw(clutter=5)
    brightness = scenes.pixels[:, 0].astype(float)
    assert (brightness[scenes.masks] > 0.39 * 255).all()
    outside = (brightness > 40) & ~scenes.masks
    assert outside.mean() > 0.03
    assert outside.any(0).mean() > 0.9


def test_noise_has_the_deviation_asked_for() -> None:
    quiet, noisy = draw(400), draw(400, noise=10.0)
    # Where clipping does not bend it.
    middle = (quiet.pixels > 100) & (quiet.pixels < 150) & (quiet.sources == noisy.sources)[:, None, None, None]
    difference = noisy.pixels.astype(float) - quiet.pixels
    assert middle.sum() > 1_000
    assert 9 < difference[middle].std() < 11


def test_another_seed_draws_others() -> None:
    first, again, other = draw(seed=(0, 1)), draw(seed=(0, 1)), draw(seed=(1, 1))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != other.pixels).any((1, 2, 3)).all()
