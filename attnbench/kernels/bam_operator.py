"""What BAM makes of a map and its two branches, as operators of PyTorch: ``attnbench::add_gated`` and its gradient.

`bam_eager` has the equations. A kernel, where there is one, reads x once for y, and x and G once for all gradients.
Nothing of the size of the map is kept but x.
"""

from types import ModuleType
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from attnbench.kernels import bam_eager
from attnbench.kernels.layout import layout_of
from attnbench.kernels.operators import check_shapes, count_products, runs_kernels


@torch.library.custom_op("attnbench::add_gated", mutates_args=())
def add_gated(x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, product: bool) -> torch.Tensor:
    """The result y, of what `attnbench.kernels.bam_eager.gate_of` takes."""
    check_shapes(x, channel=channel, position=position)
    if runs_kernels(x):
        return _kernels().add_gated(x, channel, position, product=product)  # type: ignore[no-any-return]
    with torch.autocast(x.device.type, enabled=False):
        return bam_eager.add_gated(x, channel, position, product=product).contiguous(memory_format=layout_of(x))


@torch.library.custom_op("attnbench::add_gated_backward", mutates_args=())
def add_gated_backward(
    grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, product: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients dx, dc and ds, of G."""
    module = _kernels() if runs_kernels(x) else bam_eager
    with torch.autocast(x.device.type, enabled=False):
        grad_x, grad_channel, grad_position = module.gradients(grad_output, x, channel, position, product=product)
    grad_x = grad_x.contiguous(memory_format=layout_of(x))
    return grad_x, grad_channel.to(channel.dtype), grad_position.to(position.dtype)


def _kernels() -> ModuleType:
    from attnbench.kernels import bam_triton

    return bam_triton


def _keep(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    *tensors, ctx.product = inputs
    ctx.save_for_backward(*tensors)


def _backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    return (*add_gated_backward(grad_output, *ctx.saved_tensors, ctx.product), None)


add_gated.register_autograd(_backward, setup_context=_keep)


@add_gated.register_fake
def _(x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


@add_gated_backward.register_fake
def _(
    grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, product: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    grad_x = torch.empty_like(x, memory_format=layout_of(x))
    return grad_x, channel.new_empty(channel.shape), position.new_empty(position.shape)


register_flop_formula([torch.ops.attnbench.add_gated, torch.ops.attnbench.add_gated_backward])(count_products)
