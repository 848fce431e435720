"""A map whose channels are scaled by the sigmoid of their means, by kernels: what launches them."""

from dataclasses import dataclass
from typing import Any

import torch
import triton

from attnbench.kernels import gates_triton
from attnbench.kernels.excite_tile_triton import backward_held, forward_held
from attnbench.kernels.layout import SECTOR_BYTES, is_channels_last, laid_out
from attnbench.kernels.operators import COMPILED

_HELD = 16384
"""Elements of a tile that is held on the chip, at most; 32 of each map a thread of 16 warps."""
_WARP_BYTES = 2048
"""What one warp holds of one map."""
_SMALLEST = 2048
"""Elements of a tile at least, where there are so many."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """What one program holds."""

    blocks: tuple[int, int]
    """Channels, and positions; powers of two."""
    num_warps: int
    """Warps of 32 threads."""

    @property
    def constants(self) -> dict[str, int]:
        """Of the kernel."""
        channels, positions = self.blocks
        return {"CHANNEL_BLOCK": channels, "POSITION_BLOCK": positions}


def excite(x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
    """See `attnbench.kernels.excite_operator`; of a map whose channels are held."""
    x, shortcut = (laid_out(tensor, like=x) for tensor in (x, shortcut))
    y = torch.empty_like(x)
    _launch(forward_held, x, shortcut, y)
    return y


def gradient(grad_output: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The gradient dx; of a map whose channels are held."""
    grad_output, x = laid_out(grad_output, like=x), laid_out(x, like=x)
    grad_x = torch.empty_like(x)
    _launch(backward_held, grad_output, x, grad_x)
    return grad_x


def holds_channels(x: torch.Tensor) -> bool:
    """Whether a map is read once: its channels, and of one that is channels last several neighbours, fit the chip."""
    channels, positions = plan_tile(x).blocks
    return channels * positions <= _HELD


def plan_tile(x: torch.Tensor) -> Tile:
    """The tile that a program holds, of so many channels that memory is read in whole sectors."""
    positions = triton.next_power_of_2(x.shape[2] * x.shape[3])
    fewest = SECTOR_BYTES // x.element_size() if is_channels_last(x) else 1
    wanted = triton.next_power_of_2(max(fewest, _SMALLEST // positions))
    channels = min(triton.next_power_of_2(x.shape[1]), wanted)
    warps = channels * positions * x.element_size() // _WARP_BYTES
    return Tile(blocks=(channels, positions), num_warps=min(max(warps, 4), 16))


def _launch(kernel: Any, *tensors: torch.Tensor | None) -> None:
    x = tensors[-1]
    assert x is not None
    sizes, layout = gates_triton.of_map(x)
    tile = plan_tile(x)
    grid = triton.cdiv(x.shape[1], tile.blocks[0]), len(x)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        kernel[grid](*tensors, *sizes, **layout, **tile.constants, num_warps=tile.num_warps, **COMPILED)
