"""Passes over a map that is re-weighted by gates, by kernels: what launches them."""

from dataclasses import dataclass
from math import gcd
from typing import Any

import torch
import triton

from attnbench.kernels.gates_passes_triton import dot_pass, gradient_pass, pool_pass, scale_pass
from attnbench.kernels.layout import is_channels_last, laid_out
from attnbench.kernels.operators import COMPILED

_TILE = 2048
"""Elements of a tile: 16 values a thread of 4 warps, which are two loads of 16 bytes in a half precision."""
_RUN = 128
"""Neighbours in memory of a tile at most, so that many rows share what they have in common."""
_TILES = 16
"""Tiles that one program sums up at most; more programs share longer rows."""


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """How programs share what is pooled."""

    grid: tuple[int, int, int]
    """Blocks of what is kept, parts of what is pooled over, images."""
    constants: dict[str, int]
    """Of the kernel."""
    extent: int
    """Elements that are pooled into one."""
    shape: tuple[int, int, int]
    """Of the parts' results: images, parts, what is kept."""
    result: tuple[int, ...]
    """Of the result: (N, C) or, over channels, (N, 1, H, W)."""


def of_map(x: torch.Tensor) -> tuple[tuple[int, int], dict[str, Any]]:
    """Arguments of each kernel that say how large a map is and how it lies in memory."""
    positions = x.shape[2] * x.shape[3]
    # The compiler reads several values at a time if it knows that rows begin at a multiple of them.
    unit = gcd(positions, 16)
    return (x.shape[1], positions // unit), {"UNIT": unit, "CHANNELS_LAST": is_channels_last(x)}


def blocks_of(x: torch.Tensor) -> tuple[int, int]:
    """Channels and positions of a tile, powers of two."""
    channels, positions = triton.next_power_of_2(x.shape[1]), triton.next_power_of_2(x.shape[2] * x.shape[3])
    if is_channels_last(x):
        channels = min(channels, _RUN)
        return channels, min(positions, _TILE // channels)
    positions = min(positions, _RUN)
    return min(channels, _TILE // positions), positions


def pool(
    x: torch.Tensor, channel: torch.Tensor | None, *, over_channels: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """See `attnbench.kernels.gates_operator.pool`."""
    x = laid_out(x, like=x)
    plan = plan_pooling(x, over_channels=over_channels)
    sums, maxima, counts = (x.new_empty(plan.shape, dtype=torch.float32) for _ in range(3))
    sizes, layout = of_map(x)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        pool_pass[plan.grid](
            x, _flat(channel), sums, maxima, counts, *sizes, **layout, **plan.constants, num_warps=4, **COMPILED
        )
    mean = sums.sum(1) / plan.extent
    maximum = maxima.amax(1)
    ties = torch.where(maxima == maximum[:, None], counts, 0).sum(1)
    return mean.view(plan.result), maximum.view(plan.result), ties.view(plan.result)


def dot(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    terms: torch.Tensor | None,
    *,
    over_channels: bool,
) -> torch.Tensor:
    """See `channel_gradient` and, over channels, `position_gradient` in `attnbench.kernels.gates_operator`."""
    grad_output, x = laid_out(grad_output, like=x), laid_out(x, like=x)
    plan = plan_pooling(x, over_channels=over_channels)
    sums = x.new_empty(plan.shape, dtype=torch.float32)
    sizes, layout = of_map(x)
    gates = _flat(channel), _flat(position), _flat(terms)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        dot_pass[plan.grid](grad_output, x, *gates, sums, *sizes, **layout, **plan.constants, num_warps=4, **COMPILED)
    return sums.sum(1).view(plan.result)


def scale(
    x: torch.Tensor, channel: torch.Tensor | None, position: torch.Tensor | None, shortcut: torch.Tensor | None
) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.scale`."""
    x, shortcut = laid_out(x, like=x), laid_out(shortcut, like=x)
    y = torch.empty_like(x)
    sizes, layout = of_map(x)
    grid, blocks = tiles_of(x)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        scale_pass[grid](
            x, _flat(channel), _flat(position), shortcut, y, *sizes, **layout, **blocks, num_warps=4, **COMPILED
        )
    return y


def gradient(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    position_terms: torch.Tensor | None,
    channel_terms: torch.Tensor | None,
) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.map_gradient`."""
    grad_output, x = laid_out(grad_output, like=x), laid_out(x, like=x)
    grad_x = torch.empty_like(x)
    sizes, layout = of_map(x)
    grid, blocks = tiles_of(x)
    given = (_flat(tensor) for tensor in (channel, position, position_terms, channel_terms))
    constants = {**layout, **blocks, "CHANNEL_TERMS": 0 if channel_terms is None else channel_terms.shape[1]}
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        gradient_pass[grid](grad_output, x, *given, grad_x, *sizes, **constants, num_warps=4, **COMPILED)
    return grad_x


def tiles_of(x: torch.Tensor) -> tuple[tuple[int, int, int], dict[str, int]]:
    """A program for each tile of a map, and the tile's size."""
    channels, positions = blocks_of(x)
    grid = triton.cdiv(x.shape[2] * x.shape[3], positions), triton.cdiv(x.shape[1], channels), len(x)
    return grid, {"CHANNEL_BLOCK": channels, "POSITION_BLOCK": positions}


def plan_pooling(x: torch.Tensor, *, over_channels: bool) -> Pooling:
    """How a map is pooled over channels, or over positions."""
    images, channels, height, width = x.shape
    kept, extent = (height * width, channels) if over_channels else (channels, height * width)
    blocks = blocks_of(x)
    pooled_block, kept_block = blocks if over_channels else blocks[::-1]
    tiles = min(_TILES, triton.cdiv(extent, pooled_block))
    parts = triton.cdiv(extent, tiles * pooled_block)
    return Pooling(
        grid=(triton.cdiv(kept, kept_block), parts, images),
        constants={
            "OVER": 0 if over_channels else 1,
            "TILES": tiles,
            "CHANNEL_BLOCK": blocks[0],
            "POSITION_BLOCK": blocks[1],
        },
        extent=extent,
        shape=(images, parts, kept),
        result=(images, 1, height, width) if over_channels else (images, channels),
    )


def _flat(gate: torch.Tensor | None) -> torch.Tensor | None:
    """A gate, or none, in memory as its dimensions say, whatever the layout of maps."""
    return None if gate is None else gate.contiguous()
