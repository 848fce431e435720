"""Spatial group-wise enhancement by kernels: what launches them."""

from math import gcd
from typing import Any

import torch
import triton

from attnbench.kernels.layout import is_channels_last, laid_out
from attnbench.kernels.operators import COMPILED
from attnbench.kernels.sge_passes_triton import backward_passes, forward_passes
from attnbench.kernels.sge_plan import plan_kernel
from attnbench.kernels.sge_tile_triton import backward_tile, forward_tile


def enhance(
    x: torch.Tensor,
    shortcut: torch.Tensor | None,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *,
    normalize: bool,
    official: bool,
) -> torch.Tensor:
    """SGE of a map or, given a shortcut, relu(SGE(x) + shortcut); in the map's memory layout.

    Args:
        x: The map (N, C, H, W), not empty.
        shortcut: What is added, of the map's shape.
        gate_scale: γ (G,).
        gate_shift: β (G,).
        normalize: Whether similarities are normalised over positions.
        official: Whether σ_c has the divisor m − 1 of the authors' code, or m.
    """
    x, shortcut = laid_out(x, like=x), laid_out(shortcut, like=x)
    y = torch.empty_like(x)
    _launch(
        (forward_tile, forward_passes),
        (x, shortcut, gate_scale.contiguous(), gate_shift.contiguous(), y),
        x,
        len(gate_scale),
        backward=False,
        ends_block=shortcut is not None,
        settings={"NORMALIZE": normalize, "OFFICIAL": official},
    )
    return y


def gradients(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor | None,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *,
    normalize: bool,
    official: bool,
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor, torch.Tensor]:
    """The gradients of the map, the shortcut, γ and β.

    Args:
        grad_output: Of the output.
        x: The map.
        y: The output, if it has a shortcut in it.
        gate_scale: γ.
        gate_shift: β.
        normalize: As of `enhance`.
        official: As of `enhance`.
    """
    grad_output, y, x = laid_out(grad_output, like=x), laid_out(y, like=x), laid_out(x, like=x)
    grad_x = torch.empty_like(x)
    grad_shortcut = None if y is None else torch.empty_like(x)
    # Summed over images after, because additions to one place would come in any order.
    grad_scale, grad_shift = (x.new_empty(len(x), len(gate_scale), dtype=torch.float32) for _ in range(2))
    _launch(
        (backward_tile, backward_passes),
        (
            grad_output, x, y, gate_scale.contiguous(), gate_shift.contiguous(),
            grad_x, grad_shortcut, grad_scale, grad_shift,
        ),
        x,
        len(gate_scale),
        backward=True,
        ends_block=y is not None,
        settings={"NORMALIZE": normalize, "OFFICIAL": official},
    )  # fmt: skip
    return grad_x, grad_shortcut, grad_scale.sum(0).to(gate_scale.dtype), grad_shift.sum(0).to(gate_shift.dtype)


def _launch(
    kernels: tuple[Any, Any],
    tensors: tuple[torch.Tensor | None, ...],
    x: torch.Tensor,
    groups: int,
    *,
    backward: bool,
    ends_block: bool,
    settings: dict[str, bool],
) -> None:
    """Run the one of two kernels, for tiles that are held and tiles that are not, that fits the map."""
    images, channels, height, width = x.shape
    positions = height * width
    plan = plan_kernel(
        channels=channels,
        groups=groups,
        positions=positions,
        element_bytes=x.element_size(),
        channels_last=is_channels_last(x),
        backward=backward,
        ends_block=ends_block,
    )
    constants = {
        "FEATURES": channels // groups,
        "GROUP_BLOCK": plan.group_block,
        "FEATURE_BLOCK": plan.feature_block,
        "POSITION_BLOCK": plan.position_block,
        "CHANNELS_LAST": is_channels_last(x),
        **settings,
    }
    held, passes = kernels
    grid = (images * triton.cdiv(groups, plan.group_block),)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        if plan.holds_tile:
            held[grid](*tensors, GROUPS=groups, POSITIONS=positions, **constants, num_warps=plan.num_warps, **COMPILED)
        else:
            unit = gcd(positions, 16)
            passes[grid](
                *tensors, groups, positions // unit, UNIT=unit, **constants, num_warps=plan.num_warps, **COMPILED
            )
