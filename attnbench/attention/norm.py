"""Batch norm that also trains where there is one value a channel."""

import torch
from torch import nn
from torch.nn import functional


class BatchNorm(nn.BatchNorm2d):
    """`nn.BatchNorm2d` over (N, C, H, W), which uses its running statistics where N·H·W is 1.

    A single value has no variance, and torch raises an error there. Inside an
    attention module that case is met with one image whose pooled map is 1×1.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise over images and positions."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)
