"""What BAM makes of a map and its two branches, by kernels: what launches them."""

from typing import Any

import torch
import triton

from attnbench.kernels import gates_triton
from attnbench.kernels.bam_passes_triton import backward_pass, forward_pass
from attnbench.kernels.layout import laid_out
from attnbench.kernels.operators import COMPILED

_TILES = 8
"""Tiles along the positions that one program goes over, so that it has fewer sums of channels to write."""


def add_gated(x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool) -> torch.Tensor:
    """See `attnbench.kernels.bam_operator.add_gated`."""
    x = laid_out(x, like=x)
    y = torch.empty_like(x)
    sizes, constants = _of_map(x, product=product)
    grid, blocks = gates_triton.tiles_of(x)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        forward_pass[grid](
            x, channel.contiguous(), position.contiguous(), y, *sizes, **constants, **blocks, num_warps=4, **COMPILED
        )
    return y


def gradients(
    grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """See `attnbench.kernels.bam_operator.add_gated_backward`."""
    grad_output, x = laid_out(grad_output, like=x), laid_out(x, like=x)
    grad_x = torch.empty_like(x)
    sizes, constants = _of_map(x, product=product)
    (position_blocks, channel_blocks, images), blocks = gates_triton.tiles_of(x)
    tiles = min(_TILES, position_blocks)
    grid = triton.cdiv(position_blocks, tiles), channel_blocks, images
    of_channels = x.new_empty(images, grid[0], x.shape[1], dtype=torch.float32)
    of_positions = x.new_empty(images, channel_blocks, x.shape[2] * x.shape[3], dtype=torch.float32)
    given = grad_output, x, channel.contiguous(), position.contiguous()
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        backward_pass[grid](
            *given,
            grad_x,
            of_channels,
            of_positions,
            *sizes,
            **constants,
            **blocks,
            TILES=tiles,
            num_warps=4,
            **COMPILED,
        )
    return grad_x, of_channels.sum(1).view(channel.shape), of_positions.sum(1).view(position.shape)


def _of_map(x: torch.Tensor, *, product: bool) -> tuple[tuple[int, int], dict[str, Any]]:
    sizes, layout = gates_triton.of_map(x)
    return sizes, {**layout, "PRODUCT": product}
