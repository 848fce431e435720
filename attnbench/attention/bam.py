"""Bottleneck attention module (BAM).

Park, Woo, Lee, Kweon: "BAM: Bottleneck Attention Module",
https://arxiv.org/abs/1807.06514.

    M_c = BN(MLP(avgpool x))                                  channel branch   (eq. 3)
    M_s = BN(f₃¹ˣ¹(f₂³ˣ³(f₁³ˣ³(f₀¹ˣ¹ x))))                    spatial branch   (eq. 4)
    y   = x + x · sigmoid(M_c + M_s)                                           (eq. 1, 2)

Departures: batch norm and ReLU stand behind every layer of a branch but the
last, as in the authors' code, not at the branch's end. That code multiplies the
branches (`combine=product`) where the paper adds them (the default). It pools
by windows of H×H, which fails for H > W and pools wrongly for W > H; here the
mean is over the whole map. A batch norm of a single value uses its running
statistics.
"""

from typing import Literal

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.norm import BatchNorm
from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError


@register_attention("bam", placement="stage")
class BAM(nn.Module):
    """A gate a channel and position; with h = C/r: 3·C·h + C + 18·h² + 13·h + 1 parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    def __init__(
        self, channels: int, *, reduction: int = 16, dilation: int = 4, combine: Literal["sum", "product"] = "sum"
    ) -> None:
        """Make the branches.

        Args:
            channels: C, channels of the feature map.
            reduction: r; both branches work on C // r channels.
            dilation: Of the spatial branch's 3×3 convolutions.
            combine: Sum of the branches (the paper) or product (the authors' code).

        Raises:
            SpecError: If `reduction` is not in 1 … channels, or `dilation` is not positive.
        """
        super().__init__()
        hidden = reduced(channels, reduction)
        if dilation < 1:
            raise SpecError(f"dilation must be at least 1; got dilation={dilation}")
        self.combine = combine
        self.channel_branch = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), BatchNorm(hidden), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )
        self.spatial_branch = nn.Sequential(
            *_conv_norm_relu(nn.Conv2d(channels, hidden, 1)),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation)),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation)),
            nn.Conv2d(hidden, 1, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the gated map to the map."""
        channel = self.channel_branch(x.mean((2, 3), keepdim=True))
        spatial = self.spatial_branch(x)
        logits = channel + spatial if self.combine == "sum" else channel * spatial
        return x * (1 + torch.sigmoid(logits)).to(x.dtype)


def _conv_norm_relu(conv: nn.Conv2d) -> tuple[nn.Module, ...]:
    return conv, BatchNorm(conv.out_channels), nn.ReLU()
