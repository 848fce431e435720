"""Spatial group-wise enhancement as operators of PyTorch: ``attnbench::sge`` and, at a block's end, ``sge_add_relu``.

To compilers, tracers and counters each is one operator. It runs a kernel where there is one for the map's device and
dtype, else what `sge_eager` has. For backward it keeps its inputs, of which the map is there anyway, and computes the
rest anew; the output that `sge_add_relu` keeps is the next layer's input.
"""

from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from attnbench.errors import SpecError
from attnbench.kernels.layout import layout_of
from attnbench.kernels.operators import count_products, runs_kernels
from attnbench.kernels.sge_eager import apply_gate, compute_gate, split
from attnbench.kernels.sge_eager import gradients as eager_gradients


@torch.library.custom_op("attnbench::sge", mutates_args=())
def sge(
    x: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor, normalize: bool, official: bool
) -> torch.Tensor:
    """SGE of a map; see `attnbench.kernels.sge.enhance`."""
    return _enhanced(x, None, gate_scale, gate_shift, normalize, official)


@torch.library.custom_op("attnbench::sge_backward", mutates_args=())
def sge_backward(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    normalize: bool,
    official: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of x, γ and β."""
    grad_x, _, grad_scale, grad_shift = _gradients(grad_output, x, None, gate_scale, gate_shift, normalize, official)
    return grad_x, grad_scale, grad_shift


@torch.library.custom_op("attnbench::sge_add_relu", mutates_args=())
def sge_add_relu(
    x: torch.Tensor,
    shortcut: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    normalize: bool,
    official: bool,
) -> torch.Tensor:
    """relu(SGE(x) + shortcut); see `attnbench.kernels.sge.enhance_add_relu`."""
    return _enhanced(x, shortcut, gate_scale, gate_shift, normalize, official)


@torch.library.custom_op("attnbench::sge_add_relu_backward", mutates_args=())
def sge_add_relu_backward(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    normalize: bool,
    official: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of x, the shortcut, γ and β."""
    grad_x, grad_shortcut, grad_scale, grad_shift = _gradients(
        grad_output, x, y, gate_scale, gate_shift, normalize, official
    )
    assert grad_shortcut is not None
    return grad_x, grad_shortcut, grad_scale, grad_shift


def _enhanced(
    x: torch.Tensor,
    shortcut: torch.Tensor | None,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    normalize: bool,
    official: bool,
) -> torch.Tensor:
    _check(x, shortcut, gate_scale, gate_shift)
    if runs_kernels(x):
        from attnbench.kernels import sge_triton

        return sge_triton.enhance(x, shortcut, gate_scale, gate_shift, normalize=normalize, official=official)
    with torch.autocast(x.device.type, enabled=False):
        parts = split(x, len(gate_scale))
        y = apply_gate(
            x, parts, compute_gate(parts, gate_scale, gate_shift, normalize=normalize, official=official).gate
        )
        return y if shortcut is None else y.add_(shortcut).relu_()


def _gradients(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor | None,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    normalize: bool,
    official: bool,
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
    if runs_kernels(x):
        from attnbench.kernels import sge_triton

        return sge_triton.gradients(grad_output, x, y, gate_scale, gate_shift, normalize=normalize, official=official)
    with torch.autocast(x.device.type, enabled=False):
        if y is not None:
            grad_output = grad_output.masked_fill(y <= 0, 0).contiguous(memory_format=layout_of(x))
        parts = split(x, len(gate_scale))
        computed = compute_gate(parts, gate_scale, gate_shift, normalize=normalize, official=official)
        kept = computed.mean, computed.deviation, computed.coefficient
        grad_x, grad_scale, grad_shift = eager_gradients(
            grad_output, x, kept, gate_scale, gate_shift, official=official
        )
    return (
        grad_x,
        None if y is None else grad_output,
        grad_scale.to(gate_scale.dtype),
        grad_shift.to(gate_shift.dtype),
    )


def _check(x: torch.Tensor, shortcut: torch.Tensor | None, gate_scale: torch.Tensor, gate_shift: torch.Tensor) -> None:
    """Raise a SpecError about tensors that do not fit each other: a kernel would read past their ends."""
    groups = len(gate_scale)
    if x.ndim != 4 or not groups or x.shape[1] % groups:
        raise SpecError(f"x must be (N, C, H, W) with C a multiple of the {groups} groups; got {tuple(x.shape)}")
    if gate_scale.shape != (groups,) or gate_shift.shape != (groups,):
        raise SpecError(
            f"gate_scale and gate_shift must be (G,); got {tuple(gate_scale.shape)}, {tuple(gate_shift.shape)}"
        )
    if shortcut is not None and (shortcut.shape, shortcut.dtype) != (x.shape, x.dtype):
        raise SpecError(
            f"shortcut must be of the map's shape and dtype, {tuple(x.shape)} {x.dtype}; "
            f"got {tuple(shortcut.shape)} {shortcut.dtype}"
        )


@sge.register_fake
def _(x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


@sge_add_relu.register_fake
def _(x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


@sge_backward.register_fake
def _(
    grad_output: torch.Tensor, x: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor, *_: Any
) -> tuple[torch.Tensor, ...]:
    return torch.empty_like(x, memory_format=layout_of(x)), torch.empty_like(gate_scale), torch.empty_like(gate_shift)


@sge_add_relu_backward.register_fake
def _(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *_: Any,
) -> tuple[torch.Tensor, ...]:
    grad_x, grad_shortcut = (torch.empty_like(x, memory_format=layout_of(x)) for _ in range(2))
    return grad_x, grad_shortcut, torch.empty_like(gate_scale), torch.empty_like(gate_shift)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    *tensors, normalize, official = inputs
    ctx.save_for_backward(*tensors)
    ctx.settings = normalize, official


def _keep_with_output(ctx: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    x, _, gate_scale, gate_shift, normalize, official = inputs
    ctx.save_for_backward(x, output, gate_scale, gate_shift)
    ctx.settings = normalize, official


def _sge_backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    return (*sge_backward(grad_output, *ctx.saved_tensors, *ctx.settings), None, None)


def _sge_add_relu_backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
    return (*sge_add_relu_backward(grad_output, *ctx.saved_tensors, *ctx.settings), None, None)


sge.register_autograd(_sge_backward, setup_context=_keep)
sge_add_relu.register_autograd(_sge_add_relu_backward, setup_context=_keep_with_output)

register_flop_formula(
    [getattr(torch.ops.attnbench, name) for name in ("sge", "sge_backward", "sge_add_relu", "sge_add_relu_backward")]
)(count_products)
