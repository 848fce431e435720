"""Spatial group-wise enhancement (SGE).

Li, Hu, Yang: "Spatial Group-wise Enhance: Improving Semantic Feature Learning
in Convolutional Networks", https://arxiv.org/abs/1905.09646.

In each of G channel groups, with x_i the group's feature at position i of m:

    g   = (1/m) Σ_i x_i                      the group's mean feature     (eq. 1)
    c_i = g · x_i                            similarity to it             (eq. 2)
    ĉ_i = (c_i − μ_c) / (σ_c + ε)            normalised over positions    (eq. 3)
    a_i = γ ĉ_i + β                          one γ, β a group             (eq. 4)
    y_i = x_i · sigmoid(a_i)                                              (eq. 5)

Departures: none in the result. σ_c is the sample deviation (divisor m − 1) and
ε = 1e-5 is added to it, as in the authors' code. On a map of one position,
where that code gives NaN, ĉ = 0. Similarities and their statistics are in
float32 at least, because in half precision they overflow.
"""

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.registration import register_attention

EPSILON = 1e-5
SMALLEST_VARIANCE = 1e-30


@register_attention("sge", placement="block")
class SpatialGroupEnhance(nn.Module):
    """SGE over G groups of channels; 2·G parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    def __init__(
        self, channels: int, *, groups: int = 64, gate_scale_init: float = 0.0, gate_shift_init: float = 1.0
    ) -> None:
        """Make the gate's scale and shift.

        Args:
            channels: C, channels of the feature map.
            groups: G, a divisor of `channels`; the paper takes 64 for ImageNet.
            gate_scale_init: Initial γ. At 0 training starts from a constant gate.
            gate_shift_init: Initial β. At 1 that gate is sigmoid(1) = 0.73.

        Raises:
            SpecError: If `groups` does not divide `channels`.
        """
        super().__init__()
        check_groups(groups, channels)
        self.groups = groups
        self.gate_scale = nn.Parameter(torch.full((groups,), float(gate_scale_init)))
        self.gate_shift = nn.Parameter(torch.full((groups,), float(gate_shift_init)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Re-weight each group's positions by their similarity to its mean feature."""
        images, channels, height, width = x.shape
        groups, positions = self.groups, height * width
        # Views in either memory layout; one fixed order of dimensions would stride or copy in the other.
        channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        if channels_last:
            split = x.permute(0, 2, 3, 1).reshape(images, positions, groups, channels // groups)
            position, feature, per_group = 1, 3, (1, 1, groups, 1)
        else:
            split = x.reshape(images, groups, channels // groups, positions)
            position, feature, per_group = 3, 2, (1, groups, 1, 1)
        with torch.autocast(x.device.type, enabled=False):
            wide = split.to(torch.promote_types(x.dtype, torch.float32))
            similarity = (wide * wide.mean(position, keepdim=True)).sum(feature, keepdim=True)
            centred = similarity - similarity.mean(position, keepdim=True)
            # By hand, not by std(): its gradient is NaN on a constant map.
            variance = centred.square().sum(position, keepdim=True) / max(positions - 1, 1)
            scale = self.gate_scale.view(per_group) / (variance.clamp_min(SMALLEST_VARIANCE).sqrt() + EPSILON)
            gate = torch.sigmoid(centred * scale + self.gate_shift.view(per_group))
        enhanced = split * gate.to(x.dtype)
        if channels_last:
            return enhanced.reshape(images, height, width, channels).permute(0, 3, 1, 2)
        return enhanced.reshape(x.shape)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}"
