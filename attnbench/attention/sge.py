"""Spatial group-wise enhancement (SGE).

Li, Hu, Yang: "Spatial Group-wise Enhance: Improving Semantic Feature Learning
in Convolutional Networks", https://arxiv.org/abs/1905.09646.

In each of G channel groups, with x_i the group's feature at position i of m:

    g   = (1/m) Σ_i x_i                      the group's mean feature     (eq. 1)
    c_i = g · x_i                            similarity to it             (eq. 2)
    ĉ_i = (c_i − μ_c) / (σ_c + ε)            normalised over positions    (eq. 3)
    a_i = γ ĉ_i + β                          one γ, β a group             (eq. 4)
    y_i = x_i · sigmoid(a_i)                                              (eq. 5)

The authors' code, https://github.com/implus/PytorchInsight, and the paper differ
in σ_c, the root of the mean square with divisor m − 1 in the code and m in the
paper. `source=official`, the default, is the code, because its checkpoints and the
paper's results are of it; `source=paper` is the equation. ε = 1e-5 in both.

Departures: none where the authors' code runs and its result is finite. On a map of
one position, where that code gives NaN, ĉ = 0. Similarities and their statistics
are in float32 at least, because in half precision they overflow. Any memory layout
is taken. As a map nears a constant, ∂ĉ/∂c grows to 1/ε; the result stays, but where
σ_c + ε < 1e-3 the gradient through ĉ is damped to that of a deviation of 1e-3.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.observing import is_observed, observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.space import Choices, Divisors, Floats, SearchSpace

EPSILON = 1e-5
SMALLEST_VARIANCE = 1e-30
DAMPED_BELOW = 1e-3


@register_attention("sge", placement="block")
class SpatialGroupEnhance(nn.Module):
    """SGE over G groups of channels; 2·G parameters.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``similarity``, c, ``normalized``, ĉ, where it normalises, and
    ``gate``, sigmoid(a), each (N, G, H, W).
    """

    search_space: ClassVar[SearchSpace] = {
        "groups": Divisors(),
        "gate_scale_init": Floats(0.0, 1.0, grid=(0.0, 1.0)),
        "gate_shift_init": Floats(-1.0, 2.0, grid=(0.0, 1.0)),
        "normalize": Choices((True, False)),
    }

    def __init__(
        self,
        channels: int,
        *,
        groups: int = 64,
        gate_scale_init: float = 0.0,
        gate_shift_init: float = 1.0,
        normalize: bool = True,
        source: Source = "official",
    ) -> None:
        """Make the gate's scale and shift.

        Args:
            channels: C, channels of the feature map.
            groups: G, a divisor of `channels`; the paper takes 64 for ImageNet.
            gate_scale_init: Initial γ. At 0 training starts from a constant gate.
            gate_shift_init: Initial β. At 1 that gate is sigmoid(1) = 0.73.
            normalize: Whether similarities are normalised over positions (eq. 3); without it a_i = γ c_i + β.
            source: σ_c of the authors' code (``official``) or of the equation (``paper``).

        Raises:
            SpecError: If `groups` does not divide `channels`, or there is no such `source`.
        """
        super().__init__()
        check_groups(groups, channels)
        check_source(source)
        self.groups = groups
        self.normalize = normalize
        self.source = source
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
            coefficient = self._normalized(similarity, position) if self.normalize else similarity
            gate = torch.sigmoid(coefficient * self.gate_scale.view(per_group) + self.gate_shift.view(per_group))
        if is_observed(self):
            shown = {"similarity": similarity, "gate": gate} | ({"normalized": coefficient} if self.normalize else {})
            for name, tensor in shown.items():
                by_group = tensor.squeeze(feature).transpose(1, 2) if channels_last else tensor
                observe(self, **{name: by_group.reshape(images, groups, height, width)})
        enhanced = split * gate.to(x.dtype)
        if channels_last:
            return enhanced.reshape(images, height, width, channels).permute(0, 3, 1, 2)
        return enhanced.reshape(x.shape)

    def _normalized(self, similarity: torch.Tensor, position: int) -> torch.Tensor:
        """ĉ of similarities c over the dimension `position`."""
        centred = similarity - similarity.mean(position, keepdim=True)
        positions = centred.shape[position]
        divisor = max(positions - 1, 1) if self.source == "official" else positions
        # By hand, not by std(): its gradient is NaN on a constant map.
        variance = centred.square().sum(position, keepdim=True) / divisor
        deviation = variance.clamp_min(SMALLEST_VARIANCE).sqrt() + EPSILON
        normalized = centred / deviation
        if not torch.is_grad_enabled():
            return normalized
        # Both ends are equal, so only the gradient feels the weight.
        return torch.lerp(normalized.detach(), normalized, (deviation.detach() / DAMPED_BELOW).clamp_max(1))

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}, normalize={self.normalize}, source={self.source}"
