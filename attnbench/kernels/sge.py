"""Spatial group-wise enhancement by whichever backend a module asks for."""

import torch

from attnbench.kernels.backend import Backend
from attnbench.kernels.sge_eager import Enhance, apply_gate, compute_gate, split


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
    with torch.autocast(x.device.type, enabled=False):
        if torch.is_grad_enabled() and not torch.compiler.is_exporting():
            y: torch.Tensor = Enhance.apply(x, gate_scale, gate_shift, normalize, official)
            return y
        # The same by operators that tracers look into.
        parts = split(x, len(gate_scale))
        gate = compute_gate(parts, gate_scale, gate_shift, normalize=normalize, official=official).gate
        return apply_gate(x, parts, gate)
