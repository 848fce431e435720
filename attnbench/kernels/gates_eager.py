"""Maps re-weighted by gates that are computed of the map itself, in PyTorch, with their gradients written out.

y = x·g, with a gate g for each channel or each position, computed by a small
network of the mean m, and the maximum M, over the positions or the channels. With
the gradient G of y, and those of m and M that come out of the network,

    dg = Σ G x,   dx = g G + dm/n + [x = M] dM/t

over n elements, of which t equal the maximum and share its gradient, as in torch.
dx depends on what autograd computes between `Scale` and `Pool`, so `Scale` leaves
it to `Pool`: G and g travel there as the gradients of two tensors without content,
the relays. One pass writes dx, where autograd would write and add up three maps.
"""

from math import prod
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels.layout import at_least_float32, written_to


class Relays(NamedTuple):
    """What `Scale` hands to `Pool` in the backward pass, as gradients of these; none but they may use them."""

    map: torch.Tensor
    """(N, C, H, W), a single value in memory; its gradient is that of the output."""
    gate: torch.Tensor
    """Of the gate's shape; its gradient is the gate."""


def pooled(x: torch.Tensor, dims: tuple[int, ...], *, with_maximum: bool) -> tuple[torch.Tensor, ...]:
    """The mean of a map and, where asked for, its maximum.

    Args:
        x: The map (N, C, H, W).
        dims: What is pooled over; it stays with size 1.
        with_maximum: Whether the maximum is wanted.
    """
    # Autocast would let the mean, but not the maximum, have another dtype than the map.
    with torch.autocast(x.device.type, enabled=False):
        mean = x.mean(dims, keepdim=True)
        return (mean, x.amax(dims, keepdim=True)) if with_maximum else (mean,)


def pool(x: torch.Tensor, dims: tuple[int, ...], *, with_maximum: bool) -> tuple[tuple[torch.Tensor, ...], Relays]:
    """What `pooled` gives, with a gradient, and the relays for `scale`."""
    mean, maximum, *relays = Pool.apply(x, dims, with_maximum)
    return (mean, maximum) if with_maximum else (mean,), Relays(*relays)


def scale(x: torch.Tensor, gate: torch.Tensor, relays: Relays) -> torch.Tensor:
    """The map times a gate that was computed of what `pool` gave with these relays."""
    y: torch.Tensor = Scale.apply(x, gate, *relays)
    return y


class Pool(torch.autograd.Function):
    """See `pool`; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, dims: tuple[int, ...], with_maximum: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
        """Mean, maximum or none, and relays."""
        mean, *rest = pooled(x, dims, with_maximum=with_maximum)
        maximum = rest[0] if with_maximum else None
        ctx.dims, ctx.dtype = dims, x.dtype
        # Here, because a compiler cannot look into it in the backward pass.
        ctx.number = prod([x.shape[dim] for dim in dims])
        ctx.save_for_backward(*((x, maximum) if with_maximum else ()))
        return mean, maximum, x.new_empty(()).expand(x.shape), at_least_float32(torch.empty_like(mean))

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any,
        grad_mean: torch.Tensor,
        grad_maximum: torch.Tensor | None,
        grad_output: torch.Tensor,
        gate: torch.Tensor,
    ) -> tuple[torch.Tensor | None, ...]:
        """The gradient dx."""
        with torch.autocast(grad_output.device.type, enabled=False):
            through_mean = at_least_float32(grad_mean) / ctx.number
            if grad_maximum is None:
                return torch.addcmul(through_mean, grad_output, gate).to(ctx.dtype), None, None
            x, maximum = ctx.saved_tensors
            # Not in bool, which torch compares in several times slower.
            is_highest = torch.eq(x, maximum, out=written_to(torch.empty_like(x, dtype=through_mean.dtype)))
            share = grad_maximum / is_highest.sum(ctx.dims, keepdim=True)
            through_both = torch.addcmul(through_mean, is_highest, share, out=written_to(is_highest))
            return through_both.addcmul_(grad_output, gate).to(ctx.dtype), None, None


class Scale(torch.autograd.Function):
    """See `scale`; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, gate: torch.Tensor, relay_map: torch.Tensor, relay_gate: torch.Tensor
    ) -> torch.Tensor:
        """The result y."""
        ctx.save_for_backward(x, gate)
        return x * gate.to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """dg, and G and g by relay."""
        x, gate = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            grad_gate = (at_least_float32(grad_output) * at_least_float32(x)).sum_to_size(gate.shape)
            return None, grad_gate.to(gate.dtype), grad_output, at_least_float32(gate)
