"""Spatial group-wise enhancement in PyTorch, with its gradient written out.

`attnbench.attention.sge` has the equations. With n_i = (c_i − μ) / s, s = σ_c + ε,
the gate p_i = sigmoid(γ n_i + β) and the gradient G of the output:

    da_i = ⟨G_i, x_i⟩ p_i (1 − p_i),   dβ = Σ da_i,   dγ = Σ da_i n_i
    dc_i = w (γ/s) (da_i − dβ/m − n_i (s/σ_c) dγ/d)       d = m − 1, or m
    dx_i = p_i G_i + dc_i g + (1/m) Σ_j dc_j x_j

w damps the gradient where s < 1e-3. Autograd would keep and read more of the
size of the map; here it is read, besides the output's gradient, and nothing of
its size is kept but itself.
"""

from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels.layout import at_least_float32, is_channels_last, layout_of

EPSILON = 1e-5
SMALLEST_VARIANCE = 1e-30
DAMPED_BELOW = 1e-3


class Split(NamedTuple):
    """A feature map with its channels in groups and its positions in one dimension; a view in either memory layout."""

    tensor: torch.Tensor
    """(N, G, C/G, H·W), or (N, H·W, G, C/G) of a map that is channels last in memory."""
    position: int
    """Dimension of the positions."""
    feature: int
    """Dimension of a group's channels."""

    @property
    def groups(self) -> int:
        """G."""
        return self.tensor.shape[2 if self.position == 1 else 1]

    def per_group(self, parameter: torch.Tensor) -> torch.Tensor:
        """A parameter (G,) so that it broadcasts."""
        return parameter.view((1, 1, -1, 1) if self.position == 1 else (1, -1, 1, 1))

    def of_groups(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient (G,) of such a parameter."""
        return gradient.sum(0).flatten()

    def by_group(self, tensor: torch.Tensor, height: int, width: int) -> torch.Tensor:
        """What there is for each group and position, as (N, G, H, W)."""
        ordered = tensor.squeeze(self.feature)
        by_group = ordered.transpose(1, 2) if self.position == 1 else ordered
        return by_group.reshape(len(tensor), self.groups, height, width)


class Gate(NamedTuple):
    """What SGE computes of a map on the way to its output, in float32 at least."""

    mean: torch.Tensor
    """g, the groups' mean features."""
    similarity: torch.Tensor
    """c."""
    deviation: torch.Tensor | None
    """σ_c; none where nothing is normalised."""
    coefficient: torch.Tensor
    """n, or c where nothing is normalised."""
    gate: torch.Tensor
    """p."""


def split(x: torch.Tensor, groups: int) -> Split:
    """View a map (N, C, H, W) by groups, in its memory layout."""
    images, channels, height, width = x.shape
    # One fixed order of dimensions would stride or copy in the other layout.
    if is_channels_last(x):
        by_position = x.permute(0, 2, 3, 1).reshape(images, height * width, groups, channels // groups)
        return Split(by_position, position=1, feature=3)
    return Split(x.reshape(images, groups, channels // groups, height * width), position=3, feature=2)


def compute_gate(
    parts: Split, gate_scale: torch.Tensor, gate_shift: torch.Tensor, *, normalize: bool, official: bool
) -> Gate:
    """The gate of a map.

    Args:
        parts: The map.
        gate_scale: γ (G,).
        gate_shift: β (G,).
        normalize: Whether similarities are normalised over positions.
        official: Whether σ_c has the divisor m − 1 of the authors' code, or m.
    """
    wide = at_least_float32(parts.tensor)
    mean = wide.mean(parts.position, keepdim=True)
    # Not a matrix product: fvcore counts that, and the count would depend on the layout that allows one.
    similarity = (wide * mean).sum(parts.feature, keepdim=True)
    deviation, coefficient = None, similarity
    if normalize:
        centred = similarity - similarity.mean(parts.position, keepdim=True)
        # Not by torch.var, which takes several times as long on a CPU, and is NaN for a single position.
        divisor = _divisor(wide.shape[parts.position], official)
        variance = centred.square().sum(parts.position, keepdim=True) / divisor
        deviation = variance.clamp_min(SMALLEST_VARIANCE).sqrt()
        coefficient = centred / (deviation + EPSILON)
    gate = _gate_of(parts, coefficient, gate_scale, gate_shift)
    return Gate(mean, similarity, deviation, coefficient, gate)


def reweight(
    x: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor, *, normalize: bool, official: bool
) -> torch.Tensor:
    """SGE of a map, in its dtype and memory layout, by operators that tracers look into.

    Args:
        x: The map.
        gate_scale: As of `compute_gate`.
        gate_shift: As of `compute_gate`.
        normalize: As of `compute_gate`.
        official: As of `compute_gate`.
    """
    parts = split(x, len(gate_scale))
    gate = compute_gate(parts, gate_scale, gate_shift, normalize=normalize, official=official).gate
    return _joined(parts.tensor * gate.to(x.dtype), x)


def apply_gate(x: torch.Tensor, parts: Split, gate: torch.Tensor) -> torch.Tensor:
    """The map with each group's positions re-weighted, in its dtype and memory layout.

    Not as in `reweight`, whose result is a view, which autograd lets nobody change in place: residual blocks do.
    """
    y = torch.empty_like(x, memory_format=layout_of(x))
    torch.mul(parts.tensor, gate.to(x.dtype), out=split(y, parts.groups).tensor)
    return y


def gradients(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    kept: tuple[torch.Tensor, torch.Tensor | None, torch.Tensor],
    gate_scale: torch.Tensor,
    gate_shift: torch.Tensor,
    *,
    official: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of x, γ and β.

    Args:
        grad_output: G (N, C, H, W), in any memory layout.
        x: The map.
        kept: Mean feature, deviation and coefficient, as `compute_gate` gave them.
        gate_scale: γ.
        gate_shift: β.
        official: As of `compute_gate`.
    """
    mean, deviation, coefficient = kept
    parts = split(x, len(gate_scale))
    slope = split(grad_output.contiguous(memory_format=layout_of(x)), len(gate_scale)).tensor
    wide = at_least_float32(parts.tensor)
    positions = wide.shape[parts.position]
    gate = _gate_of(parts, coefficient, gate_scale, gate_shift)
    grad_logit = (at_least_float32(slope) * wide).sum(parts.feature, keepdim=True) * (gate * (1 - gate))
    grad_shift = grad_logit.sum(parts.position, keepdim=True)
    grad_scale = (grad_logit * coefficient).sum(parts.position, keepdim=True)
    weight = parts.per_group(gate_scale)
    grad_similarity = grad_logit * weight
    if deviation is not None:
        widened = deviation + EPSILON
        # Where the variance is held at its smallest, it has no gradient.
        through_deviation = torch.where(
            deviation > SMALLEST_VARIANCE**0.5, widened / deviation * grad_scale / _divisor(positions, official), 0
        )
        centred = torch.addcmul(grad_logit - grad_shift / positions, coefficient, through_deviation, value=-1)
        grad_similarity = centred * (weight / widened * (widened / DAMPED_BELOW).clamp_max(1))
    grad_mean = (
        (wide * grad_similarity).sum(1, keepdim=True) if parts.position == 1 else wide @ grad_similarity.transpose(2, 3)
    )
    grad_x = (at_least_float32(slope) * gate).addcmul_(grad_similarity, mean).add_(grad_mean / positions)
    return _joined(grad_x.to(x.dtype), x), parts.of_groups(grad_scale), parts.of_groups(grad_shift)


class Enhance(torch.autograd.Function):
    """SGE of a map (N, C, H, W); differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor, normalize: bool, official: bool
    ) -> torch.Tensor:
        """y, of the map, γ, β, and the settings of `compute_gate`."""
        parts = split(x, len(gate_scale))
        computed = compute_gate(parts, gate_scale, gate_shift, normalize=normalize, official=official)
        ctx.save_for_backward(x, gate_scale, gate_shift, computed.mean, computed.deviation, computed.coefficient)
        ctx.official = official
        return apply_gate(x, parts, computed.gate)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of x, γ and β."""
        x, gate_scale, gate_shift, *kept = ctx.saved_tensors
        with torch.autocast(x.device.type, enabled=False):
            found = gradients(grad_output, x, tuple(kept), gate_scale, gate_shift, official=ctx.official)
        return (*found, None, None)


def _divisor(positions: int, official: bool) -> int:
    return max(positions - 1, 1) if official else positions


def _gate_of(
    parts: Split, coefficient: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor
) -> torch.Tensor:
    return torch.sigmoid(torch.addcmul(parts.per_group(gate_shift), coefficient, parts.per_group(gate_scale)))


def _joined(tensor: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What `split` took apart, as a map in the layout of `x`."""
    if is_channels_last(x):
        images, channels, height, width = x.shape
        return tensor.reshape(images, height, width, channels).permute(0, 3, 1, 2)
    return tensor.reshape(x.shape)
