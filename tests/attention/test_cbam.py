import numpy as np
import pytest
import torch

from attnbench.attention.cbam import CBAM
from attnbench.attention.source import Source
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.cbam import channel_gate, spatial_gate


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("gates", [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("size", [(5, 5), (4, 9), (1, 1)])
@pytest.mark.parametrize("source", ["official", "paper"])
def test_equals_the_paper(source: Source, size: tuple[int, int], gates: tuple[bool, bool], training: bool) -> None:
    module = filled(CBAM(8, reduction=2, channel_gate=gates[0], spatial_gate=gates[1], source=source)).train(training)
    state = arrays(module)
    x = random_map(2, 8, *size)
    expected = x.numpy()
    if gates[0]:
        names = ("0.weight", "0.bias", "2.weight", "2.bias")
        expected = channel_gate(expected, *(state.get(f"channel_gate.mlp.{name}") for name in names))
    if gates[1]:
        names = ("weight", "bias", "running_mean", "running_var")
        norm = tuple(state[f"spatial_gate.norm.{name}"] for name in names) if source == "official" else None
        expected = spatial_gate(expected, state["spatial_gate.conv.weight"], norm, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("channels", "reduction"), [(64, 16), (256, 16), (256, 8)])
def test_has_the_papers_parameters(channels: int, reduction: int) -> None:
    mlp = 2 * channels**2 // reduction + channels // reduction + channels
    convolution, norm = 2 * 7 * 7, 2
    module = CBAM(channels) if reduction == 16 else CBAM(channels, reduction=reduction)
    assert sum(p.numel() for p in module.parameters()) == mlp + convolution + norm
    without_biases = CBAM(channels, reduction=reduction, source="paper")
    assert sum(p.numel() for p in without_biases.parameters()) == 2 * channels**2 // reduction + convolution


def test_starts_from_a_spatial_gate_of_one_half_as_the_authors_do() -> None:
    x = random_map(2, 16, 5, 5)
    torch.testing.assert_close(CBAM(16, channel_gate=False).double()(x), x / 2)


def test_starts_from_biases_of_zero() -> None:
    assert all(not value.any() for name, value in CBAM(64).named_parameters() if name.endswith("bias"))


def test_the_norm_moves_by_a_hundredth() -> None:
    module = filled(CBAM(8, reduction=2, channel_gate=False))
    gate = module.spatial_gate
    before = gate.norm.running_mean.clone()  # type: ignore[union-attr, operator]
    x = random_map(2, 8, 5, 5)
    scores = gate.conv(torch.stack((x.amax(1), x.mean(1)), 1)).detach()  # type: ignore[operator]
    module(x)
    torch.testing.assert_close(gate.norm.running_mean, 0.99 * before + 0.01 * scores.mean((0, 2, 3)))  # type: ignore[union-attr]


def test_says_what_is_allowed() -> None:
    with pytest.raises(SpecError, match="kernel_size must be odd; got kernel_size=4"):
        CBAM(16, kernel_size=4)
    with pytest.raises(SpecError, match="cbam needs a gate"):
        CBAM(16, channel_gate=False, spatial_gate=False)
