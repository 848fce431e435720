"""Coordinate attention (CA).

Hou, Zhou, Feng: "Coordinate Attention for Efficient Mobile Network Design",
https://arxiv.org/abs/2103.02907.

For channel c, row i of H and column j of W:

    zʰ_c(i) = (1/W) Σ_j x_c(i, j)                    mean of each row          (eq. 4)
    zʷ_c(j) = (1/H) Σ_i x_c(i, j)                    mean of each column       (eq. 5)
    f       = δ(F₁([zʰ; zʷ]))                        over all H + W strips     (eq. 6)
    gʰ      = sigmoid(F_h(fʰ))                       a gate a row              (eq. 7)
    gʷ      = sigmoid(F_w(fʷ))                       a gate a column           (eq. 8)
    y_c(i, j) = x_c(i, j) · gʰ_c(i) · gʷ_c(j)                                  (eq. 9)

F₁ is a 1×1 convolution to max(8, C // r) channels, on which rows and columns share one
batch norm, δ is h-swish, and F_h and F_w are 1×1 convolutions back to C channels, as in
the authors' code, https://github.com/houqb/CoordAttention, whose convolutions have
biases. The convolutions start as in the authors' MobileNetV2: normal weights scaled by
the fan-out, biases at 0. Equation 6 does not name the batch norm; the paper's figure 2
does, and the code has it.

Departures: none. timm's CoordAttn computes the same with `rd_channels` and `bias` set,
but is not in every timm that attnbench runs with.
"""

from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from attnbench.attention.norm import BatchNorm
from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.pooling import mean
from attnbench.kernels.scaling import scale_by_product
from attnbench.space import Choices, SearchSpace

SMALLEST_HIDDEN = 8
ROW, COLUMN = 2, 3


@register_attention("coordatt", placement="block")
class CoordinateAttention(nn.Module):
    """A gate a row and a gate a column of each channel; with h = max(8, C // r): 3·C·h + 3·h + 2·C parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"reduction": Choices((4, 8, 16, 32))}

    def __init__(self, channels: int, *, reduction: int = 32) -> None:
        """Make the layers.

        Args:
            channels: C, channels of the feature map.
            reduction: r; the layer between has C // r channels, and at least 8.

        Raises:
            SpecError: If `reduction` is not positive.
        """
        super().__init__()
        if reduction < 1:
            raise SpecError(f"reduction must be at least 1; got reduction={reduction}")
        hidden = max(SMALLEST_HIDDEN, channels // reduction)
        self.squeeze = nn.Conv2d(channels, hidden, 1)
        self.norm = BatchNorm(hidden)
        self.rows = nn.Conv2d(hidden, channels, 1)
        self.columns = nn.Conv2d(hidden, channels, 1)
        for conv in (self.squeeze, self.rows, self.columns):
            nn.init.kaiming_normal_(conv.weight, mode="fan_out")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each row and each column."""
        strips = torch.cat((mean(x, COLUMN), mean(x, ROW).transpose(2, 3)), 2)
        hidden = functional.hardswish(self.norm(self.squeeze(strips)))
        rows, columns = hidden[:, :, : x.shape[2]], hidden[:, :, x.shape[2] :]
        row_gate, column_gate = torch.sigmoid(self.rows(rows)), torch.sigmoid(self.columns(columns.transpose(2, 3)))
        return scale_by_product(x, {COLUMN: row_gate, ROW: column_gate})
