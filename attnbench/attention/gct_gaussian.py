"""Gaussian context transformer (GCT).

Ruan, Wang, Zheng, Zheng, Zheng: "Gaussian Context Transformer", CVPR 2021,
https://openaccess.thecvf.com/content/CVPR2021/html/Ruan_Gaussian_Context_Transformer_CVPR_2021_paper.html.

    z_k = (1/HW) Σ_ij x_k(i, j)                      context of channel k of C
    ẑ_k = (z_k − μ_z) / (σ_z + ε)                    normalised over the channels
    y_k = x_k · exp(−ẑ_k² / (2 c²))                  a channel far from the mean is dampened

    GCT-B0   deviation=2         c a constant, 2 by default; no parameters
    GCT-B1   deviation=learnt    c = 3 · sigmoid(θ) + 1, so 1 < c < 4; θ starts at 0

σ_z is the root of the mean square with divisor C, ε = 1e-5. The authors have published
no code.

Departures: none known. Re-implementations found elsewhere multiply by c where the paper
divides by c², or take the divisor C − 1. Contexts and their statistics are in float32
at least. Where all contexts are equal, ẑ = 0 and every gate is 1.
"""

import math
from typing import ClassVar, Literal

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.layout import wide_dtype
from attnbench.kernels.pooling import mean
from attnbench.space import Choices, SearchSpace

EPSILON = 1e-5
SMALLEST_VARIANCE = 1e-30
LEARNT_RANGE = 3.0
LEARNT_MINIMUM = 1.0


@register_attention("gct-gaussian", placement="block")
class GaussianContextTransformer(nn.Module):
    """A gate a channel by how far its mean is from that of all channels; no parameters, or one.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"deviation": Choices((1.0, 2.0, 3.0, "learnt"))}

    def __init__(self, channels: int, *, deviation: float | Literal["learnt"] = 2.0) -> None:
        """Set the Gaussian's width.

        Args:
            channels: C, channels of the feature map; any number.
            deviation: c, positive, or `learnt` between 1 and 4.

        Raises:
            SpecError: If `deviation` is neither positive nor learnt.
        """
        super().__init__()
        if deviation != "learnt" and (isinstance(deviation, str) or not 0 < deviation < math.inf):
            raise SpecError(f"deviation must be positive, or learnt; got deviation={deviation}")
        self.deviation = deviation
        self.theta = nn.Parameter(torch.zeros(1)) if deviation == "learnt" else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        with torch.autocast(x.device.type, enabled=False):
            context = mean(x, 2, 3, dtype=wide_dtype(x)).flatten(1)
            centred = context - context.mean(1, keepdim=True)
            # By hand, not by std(): its gradient is NaN where all contexts are equal.
            variance = centred.square().mean(1, keepdim=True)
            normalized = centred / (variance.clamp_min(SMALLEST_VARIANCE).sqrt() + EPSILON)
            gate = torch.exp(-(normalized / self._deviation()).square() / 2)
        return x * gate.to(x.dtype)[:, :, None, None]

    def _deviation(self) -> torch.Tensor | float:
        """The Gaussian's c."""
        if self.theta is not None:
            return LEARNT_RANGE * torch.sigmoid(self.theta) + LEARNT_MINIMUM
        assert not isinstance(self.deviation, str)
        return self.deviation

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"deviation={self.deviation}"
