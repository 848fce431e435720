"""Shuffle attention (SA).

Zhang, Yang: "SA-Net: Shuffle Attention for Deep Convolutional Neural Networks",
https://arxiv.org/abs/2102.00240.

Each of G channel groups is cut into two halves x₁ and x₂ of C/2G channels:

    s  = (1/HW) Σ_ij x₁(i, j)                       mean of each channel       (eq. 1)
    y₁ = x₁ · sigmoid(w₁ s + b₁)                    a gate a channel           (eq. 2)
    y₂ = x₂ · sigmoid(w₂ GN(x₂) + b₂)               a gate a position          (eq. 3)
    y  = shuffle([y₁; y₂] of all groups)            channel shuffle with 2 groups

The weights w₁, b₁, w₂, b₂ and those of the group norm GN have one value for each of
the C/2G channels and are shared by all groups. GN normalises each channel by itself
over its positions. The shuffle takes channels in turn from the first and from the
second half of all C, so the module also permutes the channels.

As in the authors' code, https://github.com/wofmanaf/SA-Net, w₁ and w₂ start at 0 and
b₁ and b₂ at 1, so training starts from a gate of sigmoid(1) = 0.73.

Departures: none where the authors' code runs. It fails where a map of one position
meets one group and one image, because torch refuses to normalise a single value there;
here GN is then its shift. The paper gives 300 parameters in ResNet-50; the authors'
code makes 708.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.pooling import mean
from attnbench.kernels.sge_eager import Split, split
from attnbench.space import Divisors, SearchSpace


@register_attention("sa", placement="block")
class ShuffleAttention(nn.Module):
    """Half of each group gated a channel, half a position, then shuffled; 3·C/G parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"groups": Divisors()}

    def __init__(self, channels: int, *, groups: int = 64) -> None:
        """Make both gates.

        Args:
            channels: C, channels of the feature map.
            groups: G; 2·G divides `channels`. The authors take 64 for ImageNet.

        Raises:
            SpecError: If 2·`groups` does not divide `channels`.
        """
        super().__init__()
        if groups < 1 or channels % (2 * groups):
            fitting = ", ".join(str(number) for number in range(1, channels // 2 + 1) if channels % (2 * number) == 0)
            raise SpecError(
                f"2·groups must divide channels; got groups={groups}, channels={channels}; allowed: {fitting or 'none'}"
            )
        self.groups = groups
        half = channels // (2 * groups)
        self.channel_scale = nn.Parameter(torch.zeros(half, 1, 1))
        self.channel_shift = nn.Parameter(torch.ones(half, 1, 1))
        self.spatial_scale = nn.Parameter(torch.zeros(half, 1, 1))
        self.spatial_shift = nn.Parameter(torch.ones(half, 1, 1))
        self.norm = nn.GroupNorm(half, half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gate the halves and shuffle the channels."""
        halves = split(x, 2 * self.groups)
        group = 2 if halves.position == 1 else 1
        first, second = torch.unflatten(halves.tensor, group, (self.groups, 2)).unbind(group + 1)
        scale, shift = _per_channel(halves, self.channel_scale), _per_channel(halves, self.channel_shift)
        channel_gate = torch.sigmoid(scale * mean(first, halves.position) + shift).to(x.dtype)
        spatial_gate = torch.sigmoid(self._spatial_scores(second, halves.position)).to(x.dtype)
        gated = torch.stack((first * channel_gate, second * spatial_gate), group + 1).flatten(group, group + 2)
        # Copied once, in the layout of the map.
        shuffled = torch.unflatten(gated, group, (2, -1)).transpose(group, group + 1).flatten(group, group + 1)
        by_row = torch.unflatten(shuffled, 3 - group, x.shape[2:])
        return by_row.permute(0, 3, 1, 2) if halves.position == 1 else by_row

    def _spatial_scores(self, x: torch.Tensor, position: int) -> torch.Tensor:
        """w₂ GN(x) + b₂ of (N, G, C/2G, H·W), or of (N, H·W, G, C/2G)."""
        norm = self.norm
        # One pass with GN's scale and shift and those that follow.
        scale, shift = self.spatial_scale.flatten(), self.spatial_shift.flatten()
        weight, bias = scale * norm.weight, scale * norm.bias + shift
        by_group = x if position == 3 else x.permute(0, 2, 3, 1)
        # Not norm(x), which refuses a single value.
        scores = torch.group_norm(by_group.flatten(0, 1), norm.num_groups, weight, bias, norm.eps)
        scores = scores.reshape(by_group.shape)
        return scores if position == 3 else scores.permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}"


def _per_channel(halves: Split, parameter: torch.Tensor) -> torch.Tensor:
    """A parameter (C/2G, 1, 1) so that it broadcasts."""
    return parameter.view((-1, 1) if halves.feature == 2 else (-1,))
