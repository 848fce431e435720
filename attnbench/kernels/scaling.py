"""A feature map times a gate that is made of smaller ones; the gate is never kept, but made again for the gradient."""

from collections.abc import Mapping
from functools import reduce
from operator import add, mul
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels.backend import differentiates
from attnbench.kernels.layout import layout_of
from attnbench.kernels.pooling import fold


def scale_by_sum(x: torch.Tensor, gates: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """The map times the sum of gates.

    Args:
        x: The map (N, C, H, W).
        gates: Each of the map's shape, but for the dimension that it stands under, whose size is 1.
    """
    return _scale(x, gates, product=False)


def scale_by_product(x: torch.Tensor, gates: Mapping[int, torch.Tensor]) -> torch.Tensor:
    """The map times the product of gates; as `scale_by_sum`."""
    return _scale(x, gates, product=True)


def _scale(x: torch.Tensor, gates: Mapping[int, torch.Tensor], *, product: bool) -> torch.Tensor:
    if differentiates():
        y: torch.Tensor = _Scale.apply(x, tuple(gates), product, *gates.values())
        return y
    return _scaled(x, tuple(gates.values()), product=product)


def _scaled(x: torch.Tensor, gates: tuple[torch.Tensor, ...], *, product: bool) -> torch.Tensor:
    if not product:
        return x * reduce(add, gates).to(x.dtype)
    first, *others = (gate.to(x.dtype) for gate in gates)
    y = x * first
    for gate in others:
        y *= gate
    return y


class _Scale(torch.autograd.Function):
    """See `scale_by_sum`; differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dims: tuple[int, ...], product: bool, *gates: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, *gates)
        ctx.dims, ctx.product = dims, product
        return _scaled(x, gates, product=product)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, *gates = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            grad_output = grad_output.contiguous(memory_format=layout_of(x))
            grad_x = _scaled(grad_output, tuple(gates), product=ctx.product)
            # As precise as the gates, which autocast may have lowered.
            grad_gate = grad_output.to(torch.promote_types(gates[0].dtype, x.dtype)) * x
            grads = []
            for index, (dim, gate) in enumerate(zip(ctx.dims, gates, strict=True)):
                others = (*gates[:index], *gates[index + 1 :])
                slope = reduce(mul, others, grad_gate) if ctx.product else grad_gate
                about = fold(x, dim)
                grads.append(about.unfolded(about.folded(slope).sum(1, keepdim=True), x).to(gate.dtype))
        return grad_x, None, None, *grads
