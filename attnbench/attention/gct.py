"""Gated channel transformation (GCT).

Yang, Zhu, Wu, Yang: "Gated Channel Transformation for Visual Recognition",
https://arxiv.org/abs/1909.11519.

    s_c = α_c · √(Σ_ij x²_cij + ε)                embedding      (eq. 2)
    ŝ_c = s_c / √((1/C) Σ_k s_k² + ε)             channel norm   (eq. 4)
    y_c = x_c · (1 + tanh(γ_c ŝ_c + β_c))         gate           (eq. 5)

    With norm=l1: s_c = α_c · Σ_ij |x_cij|,  ŝ_c = s_c / ((1/C) Σ_k |s_k| + ε).

α starts at 1, γ and β at 0: training starts from the identity. ε = 1e-5.

Departures: none in the module. Its authors (https://github.com/z-x-yang/GCT) put it
before every convolution; here it stands where other modules do, at the end of a
residual branch. Sums are in float32 at least, because in half precision they overflow.
"""

from typing import ClassVar, Literal

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.pooling import absolute_sum
from attnbench.space import Choices, SearchSpace

EPSILON = 1e-5


@register_attention("gct", placement="block")
class GatedChannelTransformation(nn.Module):
    """A gate a channel from the channels' norms, which compete or work together; 3·C parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"norm": Choices(("l1", "l2"))}

    def __init__(self, channels: int, *, norm: Literal["l1", "l2"] = "l2") -> None:
        """Make α, γ and β.

        Args:
            channels: C, channels of the feature map.
            norm: Of a channel's values and of the embeddings.

        Raises:
            SpecError: If there is no such `norm`.
        """
        super().__init__()
        if norm not in ("l1", "l2"):
            raise SpecError(f"norm must be l1 or l2; got norm={norm}")
        self.norm = norm
        self.embedding_weight = nn.Parameter(torch.ones(channels))
        self.gate_scale = nn.Parameter(torch.zeros(channels))
        self.gate_shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        with torch.autocast(x.device.type, enabled=False):
            if self.norm == "l2":
                embedding = (absolute_sum(x, power=2).flatten(1) + EPSILON).sqrt() * self.embedding_weight
                spread = (embedding.square().mean(1, keepdim=True) + EPSILON).sqrt()
            else:
                embedding = absolute_sum(x, power=1).flatten(1) * self.embedding_weight
                spread = embedding.abs().mean(1, keepdim=True) + EPSILON
            gate = 1 + torch.tanh(embedding / spread * self.gate_scale + self.gate_shift)
        return x * gate.to(x.dtype)[:, :, None, None]

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"norm={self.norm}"
