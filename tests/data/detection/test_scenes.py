import hashlib

import numpy as np
import pytest

from attnbench.data.detection.items import CLASSES, Sources, cut_out, read_sources
from attnbench.data.detection.scenes import NUM_ITEMS, draw_scene


@pytest.fixture(scope="module")
def digits() -> Sources:
    return read_sources("digits", None)["train"]


def digest(sources: Sources, *, size: int, seed: tuple[int, ...]) -> str:
    scene = draw_scene(sources, size=size, seed=seed)
    content = b"".join(part.tobytes() for part in (scene.pixels, scene.labels, scene.sources, scene.masks))
    return hashlib.sha256(content).hexdigest()[:16]


def test_a_scene_is_what_it_always_was(digits: Sources) -> None:
    # Whoever changes the drawing raises VERSION, or else old caches are taken for the new drawing.
    assert [digest(digits, size=192, seed=(0, 0, index)) for index in (0, 5)] == [
        "ebb3d30e9982a06c",
        "62aa1b6288d791ef",
    ]


def test_scenes_follow_their_seed_alone(digits: Sources) -> None:
    first = digest(digits, size=64, seed=(0, 1, 2))
    np.random.seed(5)
    assert digest(digits, size=64, seed=(0, 1, 2)) == first
    assert len({first, *(digest(digits, size=64, seed=seed) for seed in ((1, 1, 2), (0, 0, 2), (0, 1, 3)))}) == 4


def test_masks_are_disjoint_and_large_enough_to_see(digits: Sources) -> None:
    for index in range(20):
        scene = draw_scene(digits, size=128, seed=(3, index))
        assert 1 <= len(scene.labels) <= NUM_ITEMS[1]
        assert scene.masks.sum(0).max() == 1
        assert scene.masks.sum((1, 2)).min() >= 64
        assert scene.labels.tolist() == digits.labels[scene.sources].tolist()


def test_the_sizes_fill_cocos_areas(digits: Sources) -> None:
    areas = np.concatenate([draw_scene(digits, size=192, seed=(4, index)).masks.sum((1, 2)) for index in range(60)])
    shares = np.histogram(areas, [0, 32**2, 96**2, 192**2])[0] / len(areas)
    assert shares[0] > 0.3
    assert shares[1] > 0.3
    assert shares[2] > 0.08


def test_every_class_is_drawn(digits: Sources) -> None:
    labels = np.concatenate([draw_scene(digits, size=48, seed=(5, index)).labels for index in range(40)])
    assert set(labels.tolist()) == set(range(len(CLASSES["digits"])))


def test_sources_of_the_splits_are_disjoint() -> None:
    splits = read_sources("digits", None)
    assert sum(len(sources.labels) for sources in splits.values()) == 1797
    pictures = [picture.tobytes() for sources in splits.values() for picture in np.unique(sources.pixels, axis=0)]
    assert len(set(pictures)) == len(pictures)


def test_a_digit_keeps_its_largest_part_and_its_hole() -> None:
    ring = np.zeros((1, 8, 8), dtype=np.uint8)
    ring[0, 1:7, 1:6] = 255
    ring[0, 3:5, 3] = 0
    ring[0, 7, 7] = 255
    item = cut_out(Sources("digits", ring, np.zeros(1, dtype=np.int64)), 0)
    covered = item.coverage >= 128
    rows, columns = np.nonzero(covered)
    top, left = rows.min(), columns.min()
    # Twelve pixels for one of the source; the part at (7, 7) would add as many.
    assert abs(rows.max() + 1 - top - 6 * 12) <= 4
    assert abs(columns.max() + 1 - left - 5 * 12) <= 4
    assert not covered[top + 2 * 12 + 4 : top + 4 * 12 - 4, left + 2 * 12 + 4 : left + 3 * 12 - 4].any()
    assert covered[top + 6, left + 12 : left + 48].all()


def test_clothing_is_filled() -> None:
    shirt = np.zeros((1, 28, 28), dtype=np.uint8)
    shirt[0, 4:24, 6:22] = 200
    shirt[0, 10:14, 10:14] = 0
    item = cut_out(Sources("fashion-mnist", shirt, np.zeros(1, dtype=np.int64)), 0)
    rows, columns = np.nonzero(item.coverage >= 128)
    top, left = rows.min(), columns.min()
    assert (rows.max() + 1 - top, columns.max() + 1 - left) == (4 * 20, 4 * 16)
    assert (item.coverage[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] >= 128).mean() > 0.99
    assert item.shade[top + 4 * 8, left + 4 * 6] < 20
