"""A map whose channels are scaled by the sigmoid of their means, by kernels: what launches them."""

from typing import Any

import torch

from attnbench.kernels import gates_triton
from attnbench.kernels.excite_tile_triton import backward_held, forward_held
from attnbench.kernels.sge_eager import is_channels_last

_HELD = 16384
"""Elements of a tile that is held on the chip, at most; 64 a thread of 8 warps."""
_SECTOR_BYTES = 32
"""What the memory of a GPU hands out at least."""


def excite(x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
    """See `attnbench.kernels.excite_operator`; x is read twice where its channels do not fit the chip."""
    if not holds_channels(x):
        return gates_triton.scale(x, torch.sigmoid(_means(x)), None, shortcut)
    x, shortcut = (gates_triton.laid_out(tensor, like=x) for tensor in (x, shortcut))
    y = torch.empty_like(x)
    _launch(forward_held, x, shortcut, y)
    return y


def gradient(grad_output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient dx; x is read twice and the output's gradient too where their channels do not fit the chip."""
    if not holds_channels(x):
        gate = torch.sigmoid(_means(x))
        grad_gate = gates_triton.dot(grad_output, x, None, None, None, over_channels=False)
        through_mean = grad_gate * gate * (1 - gate) / (x.shape[2] * x.shape[3])
        return gates_triton.gradient(grad_output, x, gate, None, None, through_mean[:, None])
    grad_output = gates_triton.laid_out(grad_output, like=x)
    x = gates_triton.laid_out(x, like=x)
    grad_x = torch.empty_like(x)
    _launch(backward_held, grad_output, x, grad_x)
    return grad_x


def holds_channels(x: torch.Tensor) -> bool:
    """Whether a map is read once: its channels, and of one that is channels last several neighbours, fit the chip."""
    channels, positions = _blocks(x)
    return channels * positions <= _HELD


def _blocks(x: torch.Tensor) -> tuple[int, int]:
    positions = gates_triton.power_of_two(x.shape[2] * x.shape[3])
    fewest = _SECTOR_BYTES // x.element_size() if is_channels_last(x) else 1
    wanted = max(fewest, 2048 // positions)
    return min(gates_triton.power_of_two(x.shape[1]), gates_triton.power_of_two(wanted)), positions


def _launch(kernel: Any, *tensors: torch.Tensor | None) -> None:
    x = tensors[-1]
    assert x is not None
    channels, positions = _blocks(x)
    sizes, layout = gates_triton.of_map(x)
    grid = -(-x.shape[1] // channels), len(x)
    blocks = {"CHANNEL_BLOCK": channels, "POSITION_BLOCK": positions}
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        kernel[grid](*tensors, *sizes, **layout, **blocks, num_warps=8 if channels * positions >= 8192 else 4)


def _means(x: torch.Tensor) -> torch.Tensor:
    return x.mean((2, 3), dtype=torch.float32)
