"""Large selective kernel (LSK), the gate of LSKNet.

Li, Hou, Zheng, Cheng, Yang, Li: "Large Selective Kernel Network for Remote Sensing
Object Detection", https://arxiv.org/abs/2303.09030.

    u₁ = D₁(x)                                      depthwise 5×5
    u₂ = D₂(u₁)                                     depthwise 7×7, dilation 3; sees 23×23
    ũ₁ = P₁(u₁),  ũ₂ = P₂(u₂)                       1×1 convolutions C → C // 2
    [m₁; m₂] = sigmoid(f⁷ˣ⁷([mean_c ũ; max_c ũ]))   a mask a position and kernel, ũ = [ũ₁; ũ₂]
    s  = P(m₁ · ũ₁ + m₂ · ũ₂)                       1×1 convolution C // 2 → C
    y  = x · s

It is the kernel selection alone, LSKblock in the authors' code,
https://github.com/zcablii/LSKNet, which LSKNet puts between two more 1×1 convolutions.
All convolutions have biases, and start as there: normal weights scaled by the fan-out,
biases at 0. The last gate s has no sigmoid.

Departures: none. The paper's equations leave open that the 1×1 convolutions halve the
channels; the code does.
"""

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.pooling import highest_and_mean


@register_attention("lsk", placement="block")
class LargeSelectiveKernel(nn.Module):
    """A gate from two kernels selected at each position; for even C: 3·C²/2 + 78·C + 198 parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    def __init__(self, channels: int) -> None:
        """Make the layers.

        Args:
            channels: C, channels of the feature map.

        Raises:
            SpecError: If there are fewer than 2 channels.
        """
        super().__init__()
        if channels < 2:
            raise SpecError(f"lsk needs at least 2 channels; got channels={channels}")
        half = channels // 2
        self.near = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.far = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.mix_near = nn.Conv2d(channels, half, 1)
        self.mix_far = nn.Conv2d(channels, half, 1)
        self.select = nn.Conv2d(2, 2, 7, padding=3)
        self.restore = nn.Conv2d(half, channels, 1)
        for conv in (self.near, self.far, self.mix_near, self.mix_far, self.select, self.restore):
            # The fan-out of a depthwise kernel, which torch counts over all channels, is its fan-in.
            nn.init.kaiming_normal_(conv.weight, mode="fan_in" if conv.groups > 1 else "fan_out")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale by the selected kernels."""
        near = self.near(x)
        near, far = self.mix_near(near), self.mix_far(self.far(near))
        (near_highest, near_mean), (far_highest, far_mean) = highest_and_mean(near, 1), highest_and_mean(far, 1)
        mean, highest = (near_mean + far_mean) / 2, torch.maximum(near_highest, far_highest)
        masks = torch.sigmoid(self.select(torch.cat((mean, highest), 1)))
        gate: torch.Tensor = self.restore(torch.addcmul(near * masks[:, :1], far, masks[:, 1:]))
        return x * gate.to(x.dtype)
