"""Scores of maps against masks whose answers are known."""

import math

import pytest
import torch

from attnbench.measure.localisation import THRESHOLDS, centre_map, energy_on_object, overlap, random_maps, stretched

# Two by two pixels, the object in the upper row.
MASK = torch.tensor([[[True, True], [False, False]]])


def scored(values: list[list[float]], threshold: float) -> tuple[float, float]:
    maps = stretched(torch.tensor([values]), size=(2, 2))
    energy = energy_on_object(maps, MASK)
    return float(energy), float(overlap(maps, MASK, torch.tensor([threshold])))


@pytest.mark.parametrize(
    ("values", "threshold", "energy", "iou"),
    [
        ([[1.0, 1.0], [0.0, 0.0]], 0.5, 1.0, 1.0),  # the object itself
        ([[0.0, 0.0], [1.0, 1.0]], 0.5, 0.0, 0.0),  # all but the object
        ([[5.0, 5.0], [5.0, 5.0]], 0.5, 0.5, 0.5),  # says nothing: the object's share
        ([[0.0, 0.0], [0.0, 0.0]], 0.5, 0.5, 0.5),  # as little as that
        ([[-2.0, 0.0], [-1.0, -2.0]], 0.5, 1 / 1.5, 1 / 3),  # stretched to 0, 1, ½, 0
        ([[-2.0, 0.0], [-1.0, -2.0]], 0.75, 1 / 1.5, 1 / 2),
    ],
)
def test_known_answers(values: list[list[float]], threshold: float, energy: float, iou: float) -> None:
    assert scored(values, threshold) == pytest.approx((energy, iou))


def test_stretching_and_scaling_a_map_changes_nothing() -> None:
    maps = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(stretched(7 * maps - 3, size=(8, 9)), stretched(maps, size=(8, 9)))


def test_a_small_map_is_interpolated_to_the_image() -> None:
    # Half-pixel centres: of two values 0 and 1 over four pixels there are 0, ¼, ¾ and 1.
    unit = stretched(torch.tensor([[[0.0, 1.0]]]), size=(1, 4))
    torch.testing.assert_close(unit, torch.tensor([[[0.0, 0.25, 0.75, 1.0]]]))


def test_a_constant_map_stays_constant_when_interpolated() -> None:
    assert torch.equal(stretched(torch.full((1, 3, 3), 0.1), size=(40, 40)), torch.ones(1, 40, 40))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_map_that_is_no_number_says_nothing(value: float) -> None:
    maps = torch.tensor([[[value, 1.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 0.0]]])
    unit = stretched(maps, size=(2, 2))
    assert torch.equal(unit[0], torch.ones(2, 2))
    assert torch.equal(unit[1], maps[1])


def test_each_threshold_has_its_overlap() -> None:
    maps = torch.tensor([[[1.0, 0.3], [0.6, 0.0]]])
    overlaps = overlap(maps, MASK, torch.tensor([0.2, 0.5, 0.8]))
    torch.testing.assert_close(overlaps, torch.tensor([[2 / 3, 1 / 3, 1 / 2]], dtype=torch.float64))


def test_without_an_object_nothing_lies_on_it() -> None:
    nothing = torch.zeros(1, 2, 2, dtype=torch.bool)
    maps = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert float(energy_on_object(maps, nothing)) == 0
    assert float(overlap(maps, nothing, torch.tensor([0.5]))) == 0


def test_thresholds_are_within_a_map() -> None:
    assert min(THRESHOLDS) > 0
    assert max(THRESHOLDS) < 1
    assert list(THRESHOLDS) == sorted(set(THRESHOLDS))


def test_random_maps_have_the_objects_share_on_the_object() -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in range(400)]
    maps = stretched(random_maps(generators, size=(4, 4)), size=(16, 16))
    masks = torch.zeros(400, 16, 16, dtype=torch.bool)
    masks[:, 2:6, 3:11] = True  # an eighth of the image
    assert float(energy_on_object(maps, masks).mean()) == pytest.approx(1 / 8, rel=0.05)


def test_the_centre_map_is_a_gaussian_of_a_quarter_of_the_side() -> None:
    made = centre_map(size=(8, 4))
    assert made.shape == (8, 4)
    torch.testing.assert_close(made, made.flip(0, 1))
    # Pixel centres lie 1/16 and 1/8 of the side off the middle.
    expected = math.exp(-0.5 * (1 / 4) ** 2) * math.exp(-0.5 * (1 / 2) ** 2)
    assert float(made.max()) == pytest.approx(expected)
