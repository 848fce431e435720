"""Linear context transform (LCT), a relative of SGE over channels.

Ruan, Wen, Zheng, Zheng: "Linear Context Transform Block",
https://arxiv.org/abs/1909.03834.

    z   = (1/HW) Σ_ij x_ij                         context of each channel
    ẑ_c = (z_c − μ_g) / √(σ_g² + ε)                normalised over the channels of its group g
    y_c = x_c · sigmoid(w_c ẑ_c + b_c)             one w, b a channel

Departures: no code of the authors is known. w starts at 0 and b at 1, as the gate of
SGE does; σ_g² is the population variance and ε = 1e-5, as in group normalisation.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.registration import register_attention
from attnbench.kernels.layout import wide_dtype
from attnbench.kernels.pooling import mean
from attnbench.space import Divisors, Floats, SearchSpace

EPSILON = 1e-5


@register_attention("lct", placement="block")
class LinearContextTransform(nn.Module):
    """A gate a channel from its mean among those of its group; 2·C parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {
        "groups": Divisors(),
        "gate_scale_init": Floats(0.0, 1.0, grid=(0.0, 1.0)),
        "gate_shift_init": Floats(-1.0, 2.0, grid=(0.0, 1.0)),
    }

    def __init__(
        self, channels: int, *, groups: int = 64, gate_scale_init: float = 0.0, gate_shift_init: float = 1.0
    ) -> None:
        """Make the gate's scale and shift.

        Args:
            channels: C, channels of the feature map.
            groups: G, a divisor of `channels`. With as many groups as channels the context has no effect.
            gate_scale_init: Initial w.
            gate_shift_init: Initial b.

        Raises:
            SpecError: If `groups` does not divide `channels`.
        """
        super().__init__()
        check_groups(groups, channels)
        self.groups = groups
        self.gate_scale = nn.Parameter(torch.full((channels,), float(gate_scale_init)))
        self.gate_shift = nn.Parameter(torch.full((channels,), float(gate_shift_init)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        with torch.autocast(x.device.type, enabled=False):
            context = mean(x, 2, 3, dtype=wide_dtype(x)).flatten(1)
            grouped = context.reshape(x.shape[0], self.groups, -1)
            centred = grouped - grouped.mean(2, keepdim=True)
            deviation = (centred.square().mean(2, keepdim=True) + EPSILON).sqrt()
            gate = torch.sigmoid((centred / deviation).flatten(1) * self.gate_scale + self.gate_shift)
        return x * gate.to(x.dtype)[:, :, None, None]

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}"
