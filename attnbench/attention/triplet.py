"""Triplet attention.

Misra, Nalamada, Arasanipalai, Hou: "Rotate to Attend: Convolutional Triplet
Attention Module", https://arxiv.org/abs/2010.03045.

With x of the dimensions C, H and W, for each dimension d that is pooled away:

    p_d = [max_d x; mean_d x]                        Z-pool: two maps of the other dimensions
    g_d = sigmoid(BN(f_dᵏˣᵏ(p_d)))                   a gate of the other dimensions
    y   = (1/3) (x · g_H + x · g_W + x · g_C)

g_H weighs channel and column, g_W row and channel, g_C row and column. The paper
rotates x to pool it and rotates it back; here only the gates are. Without the spatial
gate g_C, `spatial=false`, it is the mean of two, as in the authors' code,
https://github.com/landskape-ai/triplet-attention. The convolutions have no biases, and
the batch norms have the momentum 0.01.

The initial values are those of the authors' ResNets: kernels normal with the fan-out,
and a scale of 0 in the spatial gate's norm alone, so that this gate starts at one half.
Their MobileNets start all three norms at 1.

Departures: a batch norm of a single value uses its running statistics.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.norm import BatchNorm
from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.pooling import highest_and_mean
from attnbench.kernels.scaling import scale_by_sum
from attnbench.space import Choices, SearchSpace

CHANNEL, ROW, COLUMN = 1, 2, 3


@register_attention("triplet", placement="block")
class TripletAttention(nn.Module):
    """The mean of three gates, each of two dimensions; 6·k² + 6 parameters, without the spatial gate 4·k² + 4.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {
        "kernel_size": Choices((3, 5, 7)),
        "spatial": Choices((True, False)),
    }

    def __init__(self, channels: int, *, kernel_size: int = 7, spatial: bool = True) -> None:
        """Make the gates.

        Args:
            channels: C, channels of the feature map; the gates take any number.
            kernel_size: k, odd, of the gates' convolutions.
            spatial: Whether there is a gate of rows and columns besides the two of channels.

        Raises:
            SpecError: If `kernel_size` is not odd and positive.
        """
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise SpecError(f"kernel_size must be odd and positive; got kernel_size={kernel_size}")
        self.pooled = (ROW, COLUMN, CHANNEL) if spatial else (ROW, COLUMN)
        self.gates = nn.ModuleList(PlaneGate(kernel_size, dimension) for dimension in self.pooled)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale by the mean of the gates."""
        # Divided while they are small.
        gates = {dimension: gate(x) / len(self.gates) for dimension, gate in zip(self.pooled, self.gates, strict=True)}
        return scale_by_sum(x, gates)


class PlaneGate(nn.Module):
    """A gate of two dimensions of (N, C, H, W), from the maximum and the mean over the third."""

    def __init__(self, kernel_size: int, pooled: int) -> None:
        super().__init__()
        self.pooled = pooled
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = BatchNorm(1, momentum=0.01)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")
        if pooled == CHANNEL:
            nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The gate, of size 1 in the pooled dimension."""
        rotated = [pooled.transpose(1, self.pooled) for pooled in highest_and_mean(x, self.pooled)]
        scores = self.norm(self.conv(torch.cat(rotated, 1)))
        return torch.sigmoid(scores).transpose(1, self.pooled)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"pooled={self.pooled}"
