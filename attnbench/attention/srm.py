"""Style-based recalibration (SRM).

Lee, Kim, Nam: "SRM: A Style-based Recalibration Module for Convolutional Neural
Networks", https://arxiv.org/abs/1903.10829.

    t_c = (μ_c, σ_c)              mean and deviation of the channel over positions   (eq. 1 … 3)
    z_c = w_c · t_c               two weights a channel                              (eq. 4)
    y_c = x_c · sigmoid(BN(z_c))                                                     (eq. 5, 6)

The authors' code (https://github.com/hyunjaelee410/style-based-recalibration-module)
and the paper differ in σ_c: sample variance plus 1e-5 in the code, population variance
in the paper. `source=official`, the default, is the code, because the paper's results
are of it. The weights start at 0, and so does training from a gate of one half.

Departures: on a map of one position, where the code gives NaN, the variance is 0. A
batch norm of a single value uses its running statistics. Statistics are in float32 at
least.
"""

import torch
from torch import nn

from attnbench.attention.norm import BatchNorm
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.kernels.pooling import moments

EPSILON = 1e-5
SMALLEST_VARIANCE = 1e-30


@register_attention("srm", placement="block")
class StyleRecalibration(nn.Module):
    """A gate a channel from its own mean and deviation; 4·C parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    def __init__(self, channels: int, *, source: Source = "official") -> None:
        """Make the weights and the norm.

        Args:
            channels: C, channels of the feature map.
            source: σ_c of the authors' code (``official``) or of the paper (``paper``).

        Raises:
            SpecError: If there is no such `source`.
        """
        super().__init__()
        check_source(source)
        self.source = source
        self.style_weight = nn.Parameter(torch.zeros(channels, 2))
        self.norm = BatchNorm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel by its style."""
        positions = x.shape[2] * x.shape[3]
        with torch.autocast(x.device.type, enabled=False):
            mean, summed = (statistic.flatten(1) for statistic in moments(x))
            if self.source == "official":
                deviation = (summed / max(positions - 1, 1) + EPSILON).sqrt()
            else:
                # The root's gradient is infinite on a constant map.
                deviation = (summed / positions).clamp_min(SMALLEST_VARIANCE).sqrt()
            style = torch.stack((mean, deviation), 2)
            score = (style * self.style_weight).sum(2)[:, :, None, None].to(self.norm.weight.dtype)
        return x * torch.sigmoid(self.norm(score)).to(x.dtype)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"source={self.source}"
