"""Spatial group-wise enhancement by whichever backend a module asks for."""

import torch

from attnbench.kernels.backend import Backend, differentiates, takes_operator
from attnbench.kernels.sge_eager import Enhance, reweight
from attnbench.kernels.sge_operator import sge, sge_add_relu


def enhance(
    x: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *,
    normalize: bool,
    official: bool,
    backend: Backend,
) -> torch.Tensor:
    """Re-weight a map (N, C, H, W); see `attnbench.attention.sge`.

    Args:
        x: The map, in any memory layout.
        gate_scale: γ (G,), one for each of G groups of channels.
        gate_shift: β (G,).
        normalize: Whether similarities are normalised over positions.
        official: Whether σ_c has the divisor m − 1 of the authors' code, or m.
        backend: What computes.
    """
    y: torch.Tensor
    if takes_operator(backend, x):
        y = sge(x, gate_scale, gate_shift, normalize, official)
        return y
    with torch.autocast(x.device.type, enabled=False):
        if differentiates():
            y = Enhance.apply(x, gate_scale, gate_shift, normalize, official)
            return y
        return reweight(x, gate_scale, gate_shift, normalize=normalize, official=official)


def enhance_add_relu(
    x: torch.Tensor,
    shortcut: torch.Tensor,
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *,
    normalize: bool,
    official: bool,
    backend: Backend,
) -> torch.Tensor:
    """End a residual block: relu(SGE(x) + shortcut).

    Args:
        x: The map (N, C, H, W), in any memory layout.
        shortcut: What is added, of the map's shape.
        gate_scale: As of `enhance`.
        gate_shift: As of `enhance`.
        normalize: As of `enhance`.
        official: As of `enhance`.
        backend: What computes.
    """
    if takes_operator(backend, x) and (shortcut.dtype, shortcut.shape) == (x.dtype, x.shape):
        y: torch.Tensor = sge_add_relu(x, shortcut, gate_scale, gate_shift, normalize, official)
        return y
    y = enhance(x, gate_scale, gate_shift, normalize=normalize, official=official, backend=backend)
    y += shortcut
    return torch.relu_(y)
