"""What is done to images is what is said, grows with its strength, and depends on nothing but the image's place."""

import pytest
import torch

from attnbench.data.loader import seeded_generator
from attnbench.measure.corruption import Worsened, corrupted, strengths
from attnbench.spec import CORRUPTIONS, Corruption

SIZE = (20, 16)


def images_of(number: int) -> torch.Tensor:
    return torch.randn(number, 3, *SIZE, generator=torch.Generator().manual_seed(5))


def worsened(images: torch.Tensor, *, masks: torch.Tensor | None = None, first: int = 0) -> Worsened:
    generators = [seeded_generator(0, 0, first + index, purpose="corruption") for index in range(len(images))]
    return Worsened(images=images, generators=generators, masks=masks)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_it_grows_with_strength_and_leaves_the_images_alone(corruption: Corruption) -> None:
    images = images_of(6)
    before = images.clone()
    ladder = strengths(corruption, size=SIZE)
    assert len(ladder) == 5
    assert list(ladder) == sorted(set(ladder))
    changes = [
        float((corrupted(corruption, worsened(images), strength=strength) - images).square().mean())
        for strength in ladder
    ]
    assert changes[0] > 0
    assert changes == sorted(changes)
    assert torch.equal(images, before)


@pytest.mark.parametrize("corruption", ["noise", "blur", "occlusion"])
def test_an_image_is_made_worse_alike_in_any_batch(corruption: Corruption) -> None:
    images = images_of(6)
    strength = strengths(corruption, size=SIZE)[2]
    whole = corrupted(corruption, worsened(images), strength=strength)
    part = corrupted(corruption, worsened(images[2:4], first=2), strength=strength)
    torch.testing.assert_close(whole[2:4], part, rtol=0, atol=1e-6)


def test_noise_has_its_deviation_and_is_one_draw_at_every_strength() -> None:
    images = torch.zeros(40, 3, *SIZE)
    weak, strong = (corrupted("noise", worsened(images), strength=strength) for strength in (0.5, 1.5))
    assert float(weak.std()) == pytest.approx(0.5, rel=0.02)
    torch.testing.assert_close(strong, 3 * weak)


def test_blur_is_the_gaussian_of_its_sigma() -> None:
    image = torch.zeros(1, 1, 21, 21)
    image[0, 0, 10, 10] = 1
    blurred = corrupted("blur", worsened(image), strength=1.5)[0, 0]
    offsets = torch.arange(-10, 11).float()
    weights = torch.exp(-0.5 * (offsets / 1.5) ** 2) * (offsets.abs() <= 5)
    weights /= weights.sum()
    torch.testing.assert_close(blurred, weights[:, None] * weights)


def test_occlusion_hides_one_rectangle_of_its_share_in_the_mean_colour() -> None:
    hidden = corrupted("occlusion", worsened(torch.ones(1000, 1, 20, 20)), strength=0.25) == 0
    assert torch.equal(hidden.sum((1, 2, 3)), torch.full((1000,), 100))
    for image in hidden[:, 0]:
        rows, columns = image.any(1), image.any(0)
        assert (int(rows.sum()), int(columns.sum())) == (10, 10)
    assert hidden[:, 0].any(0).all()  # it may lie anywhere


def test_clutter_comes_from_other_images_and_lies_beneath_the_object() -> None:
    colours = torch.arange(1.0, 5.0).view(4, 1, 1, 1).expand(4, 1, 16, 16).contiguous()
    masks = torch.zeros(4, 16, 16, dtype=torch.bool)
    masks[:, 4:12, 4:12] = True
    pasted = corrupted("clutter", worsened(colours, masks=masks), strength=0.5)
    bare = corrupted("clutter", worsened(colours), strength=0.5)
    for index in range(4):
        own = float(index + 1)
        assert (pasted[index, 0][masks[index]] == own).all()
        others = set(bare[index].unique().tolist()) - {own}
        assert others
        assert others < {1.0, 2.0, 3.0, 4.0}
        # Eight patches of 4×4 pixels, which may overlap.
        assert 0 < int((bare[index] != own).sum()) <= 8 * 16
    assert torch.equal(torch.where(masks[:, None], colours, bare), pasted)


def test_blur_is_told_in_pixels_of_the_shorter_side() -> None:
    assert strengths("blur", size=(50, 100)) == (1.0, 2.0, 3.0, 4.0, 6.0)


def test_a_blur_wider_than_the_image_is_cut_off_at_the_image() -> None:
    image = images_of(1)[:, :, :4, :4]
    assert corrupted("blur", worsened(image), strength=3.0).isfinite().all()
