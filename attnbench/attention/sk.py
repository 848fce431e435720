"""Selective kernel convolution (SK).

Li, Wang, Hu, Yang: "Selective Kernel Networks", https://arxiv.org/abs/1903.06586.

    U₁ = relu(BN(f³ˣ³ x)),  U₂ = relu(BN(f⁵ˣ⁵ x))     split: grouped; f⁵ˣ⁵ is a 3×3 of dilation 2
    s  = (1/HW) Σ_ij (U₁ + U₂)_ij                     fuse     (eq. 1, 2)
    z  = relu(BN(W s)),  W of d × C                             (eq. 3, 4)
    d  = max(C / r, L)
    a  = softmax over the branches of (A z, B z)      select   (eq. 5)
    y  = a₁ · U₁ + a₂ · U₂                                      (eq. 6)

`source=paper`, the default, is this, with M = 2, G = 32, r = 16 and L = 32, and what
its authors released (https://github.com/implus/SKNet). `source=official` is the code
whose results the SGE paper reports (https://github.com/implus/PytorchInsight): the
replaced 3×3 convolution as it is beside a grouped one, both undilated, d = C / r.

Departures: G is the greatest common divisor of 32 and the channels, unless it is set,
where the authors' code fails. A batch norm of a single value uses its running statistics.
SGE's authors put SK into bottleneck blocks alone; here basic blocks take it too.
"""

import math
from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.norm import BatchNorm
from attnbench.attention.observing import observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.errors import SpecError
from attnbench.kernels.pooling import mean
from attnbench.space import Choices, SearchSpace

PAPER_GROUPS = 32
PAPER_MIN_HIDDEN = 32


@register_attention("sk", placement="conv")
class SelectiveKernel(nn.Module):
    """Two convolutions and a choice between them for each channel.

    It replaces a 3×3 convolution with its norm and activation. With C inputs
    and outputs: 2·9·C²/G + 4·C + 3·C·d + 2·d parameters, official with 9·C² in
    place of one 9·C²/G.

    Shape: (N, C_in, H, W) → (N, C_out, ⌈H / stride⌉, ⌈W / stride⌉). Shows ``branch_weights``, a (N, 2, C_out, 1, 1).
    """

    search_space: ClassVar[SearchSpace] = {
        "branch_groups": Choices((None, 1, 4, 8, 16, 64)),  # none: 32 where it divides the channels
        "reduction": Choices((4, 8, 16)),
        "min_hidden": Choices((None, 8, 16, 64)),
    }

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        stride: int,
        groups: int,
        branch_groups: int | None = None,
        reduction: int = 16,
        min_hidden: int | None = None,
        source: Source = "paper",
    ) -> None:
        """Make the branches and the selection.

        Args:
            in_channels: C_in.
            out_channels: C_out.
            stride: Stride of the replaced convolution.
            groups: Groups of the replaced convolution.
            branch_groups: G of the grouped branches; by default those of the replaced convolution where it is
                grouped, else the greatest common divisor of 32 and the channels.
            reduction: r.
            min_hidden: L, the least size of z; by default 32 (``paper``) or 1 (``official``).
            source: The paper's branches, or those of SGE's authors (``official``).

        Raises:
            SpecError: If `branch_groups` does not divide the channels, `reduction` or `min_hidden` is not positive,
                or there is no such `source`.
        """
        super().__init__()
        check_source(source)
        self.source = source
        official = source == "official"
        min_hidden = min_hidden if min_hidden is not None else (1 if official else PAPER_MIN_HIDDEN)
        if reduction < 1 or min_hidden < 1:
            raise SpecError(
                f"reduction and min_hidden must be at least 1; got reduction={reduction}, min_hidden={min_hidden}"
            )
        default_groups = groups if groups > 1 else math.gcd(PAPER_GROUPS, in_channels, out_channels)
        branch_groups = branch_groups if branch_groups is not None else default_groups
        check_groups(branch_groups, in_channels)
        check_groups(branch_groups, out_channels)
        first = (groups if official else branch_groups, 1)
        second = (branch_groups, 1 if official else 2)
        self.branches = nn.ModuleList(
            _branch(in_channels, out_channels, stride=stride, groups=branch_groups, dilation=dilation)
            for branch_groups, dilation in (first, second)
        )
        hidden = max(out_channels // reduction, min_hidden)
        self.fuse = nn.Sequential(nn.Conv2d(out_channels, hidden, 1, bias=False), BatchNorm(hidden), nn.ReLU())
        self.select = nn.Conv2d(hidden, len(self.branches) * out_channels, 1, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Mix the branches by each channel's weights."""
        first, second = (branch(x) for branch in self.branches)
        pooled = mean(first, 2, 3) + mean(second, 2, 3)
        # The softmax over two branches is a sigmoid of their difference, but the paper's form shows what is meant.
        logits = self.select(self.fuse(pooled)).unflatten(1, (2, -1))
        weights = logits.softmax(1).to(first.dtype)
        observe(self, branch_weights=weights)
        return torch.addcmul(weights[:, 0] * first, weights[:, 1], second)


def _branch(in_channels: int, out_channels: int, *, stride: int, groups: int, dilation: int) -> nn.Sequential:
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        3,
        stride=stride,
        padding=dilation,
        dilation=dilation,
        groups=groups,
        bias=False,
    )
    return nn.Sequential(conv, BatchNorm(out_channels), nn.ReLU())
