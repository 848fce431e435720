import numpy as np
import pytest
import torch

from attnbench.attention.triplet import TripletAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.triplet import triplet

SIZES = [(5, 5), (4, 9), (8, 3), (1, 1), (1, 6)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("spatial", [True, False])
@pytest.mark.parametrize("kernel_size", [3, 7])
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_paper(size: tuple[int, int], kernel_size: int, spatial: bool, training: bool) -> None:
    module = filled(TripletAttention(6, kernel_size=kernel_size, spatial=spatial)).train(training)
    state = arrays(module)
    x = random_map(2, 6, *size)
    expected = triplet(x.numpy(), state, spatial=spatial, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)


def parameters(kernel_size: int, *, spatial: bool = True) -> int:
    return sum(p.numel() for p in TripletAttention(64, kernel_size=kernel_size, spatial=spatial).parameters())


@pytest.mark.parametrize("kernel_size", [3, 5, 7])
def test_has_the_papers_parameters(kernel_size: int) -> None:
    # Scale and shift of each norm besides the paper's 6·k².
    assert parameters(kernel_size) == 6 * kernel_size**2 + 3 * 2
    assert parameters(kernel_size, spatial=False) == 4 * kernel_size**2 + 2 * 2


@pytest.mark.parametrize(("kernel_size", "millions"), [(3, 3.506), (7, 3.510)])
def test_a_mobilenet_has_the_published_parameters(kernel_size: int, millions: float) -> None:
    plain, blocks = 3_504_872, 17
    assert round((plain + blocks * parameters(kernel_size)) / 1e6, 3) == millions


def test_starts_from_a_spatial_gate_of_one_half_as_the_authors_resnets_do() -> None:
    module = TripletAttention(8)
    assert [float(gate.norm.weight.detach()) for gate in module.gates] == [1, 1, 0]  # type: ignore[union-attr, operator]
    x = random_map(2, 8, 5, 6)
    spatial = module.double().gates[2](x)
    torch.testing.assert_close(spatial, torch.full((2, 1, 5, 6), 0.5, dtype=torch.float64))


def test_the_norms_move_by_a_hundredth() -> None:
    module = filled(TripletAttention(6, kernel_size=3))
    before = [gate.norm.running_mean.clone() for gate in module.gates]  # type: ignore[union-attr, operator]
    x = random_map(2, 6, 5, 4)
    module(x)
    for gate, mean, axis in zip(module.gates, before, (2, 3, 1), strict=True):
        rotated = x.transpose(1, axis)
        scores = gate.conv(torch.stack((rotated.amax(1), rotated.mean(1)), 1)).detach()  # type: ignore[union-attr, operator]
        torch.testing.assert_close(gate.norm.running_mean, 0.99 * mean + 0.01 * scores.mean((0, 2, 3)))  # type: ignore[union-attr]


@pytest.mark.parametrize("kernel_size", [0, 4, -3])
def test_the_kernel_has_a_centre(kernel_size: int) -> None:
    with pytest.raises(SpecError, match=f"kernel_size must be odd and positive; got kernel_size={kernel_size}"):
        TripletAttention(64, kernel_size=kernel_size)
