"""Scaling whose gradient is written out, held to autograd's of the plain products."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import add, mul

import pytest
import torch

from attnbench.kernels.scaling import scale_by_product, scale_by_sum
from tests.kernels.kept import kept_bytes

Scale = Callable[[torch.Tensor, Mapping[int, torch.Tensor]], torch.Tensor]

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])


def inputs(
    layout: torch.memory_format, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, dict[int, torch.Tensor]]:
    """A map and gates without its rows, columns and channels."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, 16, 14, 12)
    x = torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype).contiguous(memory_format=layout)
    sizes = {dim: [1 if index == dim else size for index, size in enumerate(shape)] for dim in (3, 2, 1)}
    gates = {dim: torch.rand(size, dtype=torch.float64, generator=generator) for dim, size in sizes.items()}
    return x.requires_grad_(), {dim: gate.requires_grad_() for dim, gate in gates.items()}


@LAYOUTS
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("product", [True, False])
def test_values_and_gradients_are_those_of_torch(product: bool, number: int, layout: torch.memory_format) -> None:
    x, gates = inputs(layout)
    gates = dict(list(gates.items())[:number])
    expected = x * reduce(mul if product else add, gates.values())
    scale = scale_by_product if product else scale_by_sum
    y = scale(x, gates)
    torch.testing.assert_close(y, expected)
    given = (x, *gates.values())
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    got, right = torch.autograd.grad(y, given, slope), torch.autograd.grad(expected, given, slope)
    torch.testing.assert_close(got, right)
    assert got[0].is_contiguous(memory_format=layout)
    with torch.no_grad():
        torch.testing.assert_close(scale(x, gates), expected)


@LAYOUTS
@pytest.mark.parametrize("scale", [scale_by_product, scale_by_sum])
def test_keeps_the_map_and_the_gates(scale: Scale, layout: torch.memory_format) -> None:
    x, gates = inputs(layout)
    gates_bytes = sum(gate.numel() for gate in gates.values()) / x.numel()
    assert kept_bytes(lambda given: scale(given, gates), x) == pytest.approx(1 + gates_bytes)


@pytest.mark.parametrize("scale", [scale_by_product, scale_by_sum])
def test_gradients_of_gates_are_summed_in_float32(scale: Scale) -> None:
    x, gates = inputs(torch.contiguous_format, torch.bfloat16)
    gates = {dim: gate.detach().float().requires_grad_() for dim, gate in gates.items()}
    y = scale(x, gates)
    assert y.dtype == torch.bfloat16
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16()
    got = torch.autograd.grad(y, tuple(gates.values()), slope)
    exact = {dim: gate.detach().double().requires_grad_() for dim, gate in gates.items()}
    right = torch.autograd.grad(scale(x.detach().double(), exact), tuple(exact.values()), slope.double())
    for gradient, exactly in zip(got, right, strict=True):
        torch.testing.assert_close(gradient.double(), exactly, rtol=1e-5, atol=1e-5)


def test_cannot_be_differentiated_twice() -> None:
    x, gates = inputs(torch.contiguous_format)
    (slope,) = torch.autograd.grad(scale_by_sum(x, gates).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
