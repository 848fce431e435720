"""Large kernel attention (LKA) of the visual attention network.

Guo, Lu, Liu, Cheng, Hu: "Visual Attention Network", https://arxiv.org/abs/2202.09741.

A K×K convolution, taken apart with a dilation d, is the gate:

    a = P(D₂(D₁(x)))                    D₁ depthwise (2d − 1)×(2d − 1),
                                        D₂ depthwise ⌈K/d⌉×⌈K/d⌉ with dilation d,
                                        P a 1×1 convolution
    y = x · a

K = 21 and d = 3, a 5×5 and a dilated 7×7 convolution, is the default, as in the authors'
code, https://github.com/Visual-Attention-Network/VAN-Classification. It is the gate
alone, the code's LKA, which its network puts between two more 1×1 convolutions. All
convolutions have biases, which the paper's count of parameters leaves out, and start as
there: normal weights scaled by the fan-out, biases at 0. The gate has no sigmoid.

Departures: none.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.space import Choices, SearchSpace


@register_attention("lka", placement="block")
class LargeKernelAttention(nn.Module):
    """A gate from a large kernel; C·(⌈K/d⌉² + (2d − 1)² + C) parameters as in the paper, and 3·C biases.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {
        # Every pair gives an odd ⌈K/d⌉.
        "kernel_size": Choices((9, 13, 21, 25)),
        "dilation": Choices((1, 2, 3)),
    }

    def __init__(self, channels: int, *, kernel_size: int = 21, dilation: int = 3) -> None:
        """Make the three convolutions.

        Args:
            channels: C, channels of the feature map.
            kernel_size: K, of the kernel that is taken apart; ⌈K/d⌉ is odd.
            dilation: d, of the second convolution.

        Raises:
            SpecError: If `dilation` is not positive, or ⌈K/d⌉ is not odd and positive.
        """
        super().__init__()
        if dilation < 1:
            raise SpecError(f"dilation must be at least 1; got dilation={dilation}")
        dilated = -(-kernel_size // dilation)
        if kernel_size < 1 or dilated % 2 == 0:
            raise SpecError(
                "kernel_size / dilation, rounded up, must be odd and positive; "
                f"got kernel_size={kernel_size}, dilation={dilation}: {dilated}"
            )
        self.near = nn.Conv2d(channels, channels, 2 * dilation - 1, padding=dilation - 1, groups=channels)
        self.far = nn.Conv2d(
            channels, channels, dilated, padding=dilated // 2 * dilation, dilation=dilation, groups=channels
        )
        self.mix = nn.Conv2d(channels, channels, 1)
        for conv in (self.near, self.far, self.mix):
            # The fan-out of a depthwise kernel, which torch counts over all channels, is its fan-in.
            nn.init.kaiming_normal_(conv.weight, mode="fan_in" if conv.groups > 1 else "fan_out")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale by what the kernel gives."""
        gate: torch.Tensor = self.mix(self.far(self.near(x)))
        return x * gate.to(x.dtype)
