"""Efficient multi-scale attention (EMA).

Ouyang, He, Zhang, Luo, Guo, Zhan, Huang: "Efficient Multi-Scale Attention Module
with Cross-Spatial Learning", https://arxiv.org/abs/2305.13563.

In each of G channel groups x of C/G channels, all groups with the same weights:

    [a; b] = F¹ˣ¹([mean of each row of x; mean of each column])
    u = GN(x · sigmoid(a) · sigmoid(b))                  the 1×1 branch
    v = F³ˣ³(x)                                          the 3×3 branch
    s_i = softmax(mean u) · v_i + softmax(mean v) · u_i  cross-spatial learning, at position i
    y_i = x_i · sigmoid(s_i)

The means are over positions, the softmaxes over the C/G channels. GN normalises each
channel by itself over its positions, so the mean of u is GN's shift and the first
softmax the same for every image.

G is 32 in the authors' code, https://github.com/YOLOonMe/EMA-attention-module; many
copies of it have 8. Both convolutions have biases.

Departures: none where the authors' code runs. It fails where a map of one position
meets one group and one image, because torch refuses to normalise a single value there;
here GN is then its shift.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.registration import register_attention
from attnbench.kernels.pooling import mean
from attnbench.kernels.scaling import scale_by_product
from attnbench.space import Divisors, SearchSpace

ROW, COLUMN = 2, 3


@register_attention("ema", placement="block")
class EfficientMultiScaleAttention(nn.Module):
    """A gate a position of each channel group; with c = C/G: 10·c² + 4·c parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"groups": Divisors()}

    def __init__(self, channels: int, *, groups: int = 32) -> None:
        """Make both branches.

        Args:
            channels: C, channels of the feature map.
            groups: G, a divisor of `channels`.

        Raises:
            SpecError: If `groups` does not divide `channels`.
        """
        super().__init__()
        check_groups(groups, channels)
        self.groups = groups
        width = channels // groups
        self.strips = nn.Conv2d(width, width, 1)
        self.norm = nn.GroupNorm(width, width)
        self.local = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each group's positions."""
        images, channels, height, width = x.shape
        grouped = x.reshape(images * self.groups, channels // self.groups, height, width)
        narrow, local = self._narrow(grouped), self.local(grouped)
        # The group norm's mean is its shift.
        narrow_mean, local_mean = self.norm.bias.expand(grouped.shape[0], -1), mean(local, 2, 3).flatten(1)
        gate = torch.sigmoid(_weighted(narrow_mean, local) + _weighted(local_mean, narrow)).to(x.dtype)
        # Five dimensions of the input itself, whose product keeps its memory layout.
        split = x.reshape(images, self.groups, channels // self.groups, height, width)
        return (split * gate.reshape(images, self.groups, 1, height, width)).reshape(x.shape)

    def _narrow(self, x: torch.Tensor) -> torch.Tensor:
        """The 1×1 branch of (N·G, C/G, H, W)."""
        strips = torch.cat((mean(x, COLUMN), mean(x, ROW).transpose(2, 3)), 2)
        gates, height, norm = torch.sigmoid(self.strips(strips)), x.shape[2], self.norm
        gated = scale_by_product(x, {COLUMN: gates[:, :, :height], ROW: gates[:, :, height:].transpose(2, 3)})
        # Not norm(x), which refuses a single value.
        return torch.group_norm(gated, norm.num_groups, norm.weight, norm.bias, norm.eps)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}"


def _weighted(means: torch.Tensor, weighed: torch.Tensor) -> torch.Tensor:
    """Channels of one map (N·G, C/G, H, W) summed by a softmax of the other's means: (N·G, 1, H·W)."""
    weights = means.softmax(1).to(weighed.dtype).unsqueeze(1)
    return weights @ weighed.flatten(2)
