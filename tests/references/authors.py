"""SGE as its authors run it, operation by operation, written anew from https://github.com/implus/PytorchInsight.

It is what timings are compared with. Its view needs N×C×H×W in memory; here other layouts are copied for it.
"""

import torch
from torch import nn


class AuthorsSGE(nn.Module):
    """Spatial group-wise enhancement over G groups of channels; (N, C, H, W) in and out."""

    def __init__(self, channels: int, *, groups: int = 64) -> None:
        super().__init__()
        self.groups = groups
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.weight = nn.Parameter(torch.zeros(1, groups, 1, 1))
        self.bias = nn.Parameter(torch.ones(1, groups, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Re-weight each group's positions."""
        images, channels, height, width = x.shape
        grouped = x.reshape(images * self.groups, -1, height, width)
        similarity = (grouped * self.avg_pool(grouped)).sum(dim=1, keepdim=True)
        flat = similarity.view(images * self.groups, -1)
        flat = flat - flat.mean(dim=1, keepdim=True)
        flat = flat / (flat.std(dim=1, keepdim=True) + 1e-5)
        logit = flat.view(images, self.groups, height, width) * self.weight + self.bias
        logit = logit.view(images * self.groups, 1, height, width)
        return (grouped * torch.sigmoid(logit)).view(images, channels, height, width)
