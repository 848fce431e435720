import numpy as np
import pytest
import torch

from attnbench.data.augmentation import Placements, crop_and_flip, draw_placements


def one_by_one(images: torch.Tensor, chosen: torch.Tensor, placements: Placements, padding: int) -> np.ndarray:
    results = []
    for row, index in enumerate(chosen.tolist()):
        padded = np.pad(images[index].numpy(), ((0, 0), (padding, padding), (padding, padding)), mode="reflect")
        top, left = padding + int(placements.down[row]), padding + int(placements.right[row])
        crop = padded[:, top : top + images.shape[2], left : left + images.shape[3]]
        results.append(crop[:, :, ::-1] if placements.mirrored[row] else crop)
    return np.stack(results)


@pytest.mark.parametrize("shape", [(1, 6, 6), (3, 5, 9)])
@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("flip", [False, True])
def test_equals_a_loop_over_images(shape: tuple[int, int, int], padding: int, flip: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (20, *shape), generator=generator, dtype=torch.uint8)
    chosen = torch.randperm(20, generator=generator)[:15]
    placements = draw_placements(15, crop_padding=padding, horizontal_flip=flip, generator=generator)
    np.testing.assert_array_equal(
        crop_and_flip(images, chosen, placements).numpy(), one_by_one(images, chosen, placements, padding)
    )


def test_draws_every_move_equally_often() -> None:
    generator = torch.Generator().manual_seed(0)
    placements = draw_placements(50_000, crop_padding=2, horizontal_flip=True, generator=generator)
    for moves in (placements.down, placements.right):
        values, counts = moves.unique(return_counts=True)
        assert values.tolist() == [-2, -1, 0, 1, 2]
        assert counts.min() > 9_600
        assert counts.max() < 10_400
    assert 0.49 < placements.mirrored.float().mean() < 0.51
    moves = torch.stack([placements.down, placements.right, placements.mirrored]).double()
    assert (torch.corrcoef(moves) - torch.eye(3)).abs().max() < 0.02


def test_mirroring_does_not_change_the_crops() -> None:
    first, second = (
        draw_placements(9, crop_padding=3, horizontal_flip=flip, generator=torch.Generator().manual_seed(5))
        for flip in (False, True)
    )
    assert torch.equal(first.down, second.down)
    assert torch.equal(first.right, second.right)
    assert not first.mirrored.any()
    assert second.mirrored.any()
