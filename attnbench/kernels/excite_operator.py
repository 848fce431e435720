"""A map whose channels are scaled by the sigmoid of their means, as operators of PyTorch: ``attnbench::gather_excite``.

y = x·g, g = σ(m), m = mean of x over n positions; with the gradient G of y, dx = g G + g (1 − g) Σ G x / n.

A kernel that holds a channel on the chip reads x once for y, and x and G once for dx. Where channels do not fit, and
where there is no kernel, the passes of `gates_operator` read each twice. Nothing is kept but x, and the output where it
is rectified.
"""

from types import ModuleType
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from attnbench.kernels import gates_operator as passes
from attnbench.kernels.layout import layout_of, wide_dtype
from attnbench.kernels.operators import check_shapes, count_products, runs_kernels


@torch.library.custom_op("attnbench::gather_excite", mutates_args=())
def gather_excite(x: torch.Tensor) -> torch.Tensor:
    """The result y of a map (N, C, H, W)."""
    return _excited(x, None)


@torch.library.custom_op("attnbench::gather_excite_add_relu", mutates_args=())
def gather_excite_add_relu(x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
    """relu(y + shortcut), of a shortcut of the map's shape and dtype."""
    check_shapes(x, shortcut=shortcut)
    return _excited(x, shortcut)


@torch.library.custom_op("attnbench::gather_excite_backward", mutates_args=())
def gather_excite_backward(grad_output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient dx, of G."""
    if _holds_channels(x):
        return _kernels().gradient(grad_output, x)  # type: ignore[no-any-return]
    gate = _gate(x)
    grad_gate = passes.channel_gradient(grad_output, x, None, None, None)
    through_mean = grad_gate * gate * (1 - gate) / (x.shape[2] * x.shape[3])
    grad_x: torch.Tensor = passes.map_gradient(grad_output, x, gate, None, None, through_mean[:, None])
    return grad_x


def _excited(x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
    if _holds_channels(x):
        return _kernels().excite(x, shortcut)  # type: ignore[no-any-return]
    y: torch.Tensor = passes.scale(x, _gate(x), None, shortcut)
    return y


def _holds_channels(x: torch.Tensor) -> bool:
    return runs_kernels(x) and _kernels().holds_channels(x)


def _gate(x: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(x.mean((2, 3), dtype=wide_dtype(x)))


def _kernels() -> ModuleType:
    from attnbench.kernels import excite_triton

    return excite_triton


def _keep(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    ctx.save_for_backward(inputs[0])


def _keep_with_output(ctx: Any, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    ctx.save_for_backward(inputs[0], output)


def _backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
    grad_x: torch.Tensor = gather_excite_backward(grad_output, *ctx.saved_tensors)
    return grad_x


def _add_relu_backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = ctx.saved_tensors
    grad_output = torch.ops.aten.threshold_backward(grad_output, y, 0)
    return gather_excite_backward(grad_output, x), grad_output


gather_excite.register_autograd(_backward, setup_context=_keep)
gather_excite_add_relu.register_autograd(_add_relu_backward, setup_context=_keep_with_output)


@gather_excite.register_fake
@gather_excite_add_relu.register_fake
def _(x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


@gather_excite_backward.register_fake
def _(grad_output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


register_flop_formula([getattr(torch.ops.attnbench, f"gather_excite{end}") for end in ("", "_add_relu", "_backward")])(
    count_products
)
