"""What BAM makes of a map and its two branches, in PyTorch, with its gradient written out.

y = x + x·g with g = sigmoid(c ⊕ s), of a channel's c and a position's s, whose sum
or product ⊕ is. With the gradient G of y and da = G x g (1 − g),

    dx = G + G g,    dc = Σ_p da (or da s),    ds = Σ_c da (or da c)

Neither g nor anything else of the size of the map is kept for backward but x.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels.layout import at_least_float32, is_channels_last, written_to


def gate_of(x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool) -> torch.Tensor:
    """The gate (N, C, H, W), in the memory layout of the map and in float32 at least.

    Args:
        x: The map (N, C, H, W).
        channel: c (N, C, 1, 1).
        position: s (N, 1, H, W).
        product: Whether ⊕ is the product, or the sum.
    """
    parts = at_least_float32(channel), at_least_float32(position)
    combine = torch.mul if product else torch.add
    if is_channels_last(x):
        # In the order N×C×H×W two parts make a map that lies so.
        return combine(*(part.permute(0, 2, 3, 1) for part in parts)).sigmoid_().permute(0, 3, 1, 2)
    return combine(*parts).sigmoid_()


def add_gated(x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool) -> torch.Tensor:
    """The result y, of what `gate_of` takes."""
    gate = gate_of(x, channel, position, product=product)
    return (x * gate).add_(x).to(x.dtype)


def gradients(
    grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients dx, dc and ds, of G and what `gate_of` takes."""
    gate = gate_of(x, channel, position, product=product)
    slope = at_least_float32(grad_output)
    grad_logits = (slope * at_least_float32(x)).mul_(gate)
    grad_logits.addcmul_(grad_logits, gate, value=-1)
    grad_x = torch.addcmul(slope, slope, gate, out=written_to(gate))
    return grad_x.to(x.dtype), *_sums(grad_logits, channel, position, product=product)


class AddGated(torch.autograd.Function):
    """The result y; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, product: bool
    ) -> torch.Tensor:
        """The result y."""
        ctx.save_for_backward(x, channel, position)
        ctx.product = product
        return add_gated(x, channel, position, product=product)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients dx, dc and ds."""
        x, channel, position = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            found = gradients(grad_output, x, channel, position, product=ctx.product)
        grad_x, grad_channel, grad_position = found
        return grad_x, grad_channel.to(channel.dtype), grad_position.to(position.dtype), None


def _sums(
    grad_logits: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradients dc and ds, of da."""
    if not product:
        return grad_logits.sum((2, 3), keepdim=True), grad_logits.sum(1, keepdim=True)
    # Matrix products need no map between.
    flat, weights = grad_logits.flatten(2), at_least_float32(channel).flatten(1)[:, None]
    grad_channel = flat @ at_least_float32(position).flatten(2).transpose(1, 2)
    return grad_channel.view(channel.shape), (weights @ flat).view(position.shape)
