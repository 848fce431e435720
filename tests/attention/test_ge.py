from typing import Any

import numpy as np
import pytest
import torch

from attnbench.attention.ge import GatherExcite
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.ge import excite, gather_means
from tests.references.layers import Array, batch_norm, conv, relu

SIZES = [(8, 8), (5, 7), (9, 4), (1, 1), (2, 3)]
NORM = ("weight", "bias", "running_mean", "running_var")


def settled(channels: int, size: tuple[int, int], **settings: Any) -> GatherExcite:
    module = GatherExcite(channels, **settings)
    module(torch.zeros(2, channels, *size))
    return filled(module)


def mlp(x: Array, state: dict[str, Array]) -> Array:
    hidden = relu(conv(x, state["mlp.0.weight"], state["mlp.0.bias"]))
    return conv(hidden, state["mlp.2.weight"], state["mlp.2.bias"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("extent", [2, 4, 8])
def test_without_parameters_equals_the_paper(size: tuple[int, int], extent: int) -> None:
    x = random_map(2, 3, *size)
    expected = excite(x.numpy(), gather_means(x.numpy(), extent), extent)
    np.testing.assert_allclose(GatherExcite(3, extent=extent)(x), expected, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("extent", [2, 4, 8])
def test_official_counts_the_zeros_outside(size: tuple[int, int], extent: int) -> None:
    x = random_map(2, 3, *size)
    expected = excite(x.numpy(), gather_means(x.numpy(), extent, zeros_outside=True), extent)
    np.testing.assert_allclose(GatherExcite(3, extent=extent, source="official")(x), expected, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_global_extent_is_the_mean_of_the_map(size: tuple[int, int]) -> None:
    x = random_map(2, 3, *size)
    expected = excite(x.numpy(), x.numpy().mean((2, 3), keepdims=True), max(size))
    np.testing.assert_allclose(GatherExcite(3)(x), expected, rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("with_mlp", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("extent", [2, 4])
def test_with_parameters_equals_the_paper(size: tuple[int, int], extent: int, with_mlp: bool, training: bool) -> None:
    module = settled(16, size, extent=extent, parametric=True, mlp=with_mlp).train(training)
    state = arrays(module)
    x = random_map(3, 16, *size)
    gathered = x.numpy()
    for index in range(extent // 2):
        gathered = relu(gathered) if index else gathered
        gathered = conv(gathered, state[f"gather.{3 * index}.weight"], stride=2, padding=1, groups=16)
        norm = (state[f"gather.{3 * index + 1}.{name}"] for name in NORM)
        gathered = batch_norm(gathered, *norm, training=training)
    gathered = mlp(gathered, state) if with_mlp else gathered
    np.testing.assert_allclose(module(x).detach(), excite(x.numpy(), gathered, extent), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_the_global_convolution_equals_the_paper(size: tuple[int, int]) -> None:
    module = settled(16, size, parametric=True, mlp=True).eval()
    state = arrays(module)
    x = random_map(2, 16, *size)
    kernel = state["gather.0.weight"][:, None]
    norm = (state[f"gather.1.{name}"] for name in NORM)
    gathered = mlp(batch_norm(conv(x.numpy(), kernel, groups=16), *norm, training=False), state)
    np.testing.assert_allclose(module(x).detach(), excite(x.numpy(), gathered, max(size)), rtol=1e-10, atol=1e-12)


def test_the_global_kernel_keeps_its_sum_on_another_size() -> None:
    module = settled(2, (6, 6), parametric=True).eval()
    gather = module.gather[0]  # type: ignore[index]
    with torch.no_grad():
        gather.weight.fill_(0.5)
    ones = torch.ones(1, 2, 3, 5, dtype=torch.float64)
    np.testing.assert_allclose(gather(ones).detach(), np.full((1, 2, 1, 1), 18.0))


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        ({}, 0),
        ({"extent": 8}, 0),
        ({"extent": 2, "parametric": True}, 9 * 64 + 2 * 64),
        ({"extent": 8, "parametric": True}, 3 * (9 * 64 + 2 * 64)),
        ({"parametric": True}, 14 * 14 * 64 + 2 * 64),
        ({"parametric": True, "mlp": True}, 14 * 14 * 64 + 2 * 64 + 2 * 64**2 // 16 + 64 // 16 + 64),
    ],
)
def test_has_the_papers_parameters(settings: dict[str, Any], parameters: int) -> None:
    module = settled(64, (14, 14), **settings)
    assert sum(p.numel() for p in module.parameters()) == parameters


@pytest.mark.parametrize("extent", [0, 1, 3, 6, -2, "all"])
def test_extents_are_powers_of_two(extent: Any) -> None:
    with pytest.raises(SpecError, match=f"got extent={extent}"):
        GatherExcite(8, extent=extent)
