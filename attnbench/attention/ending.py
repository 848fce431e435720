"""Modules that can end a residual block: attention, addition and ReLU in one pass over the map."""

from typing import Protocol, runtime_checkable

import torch


@runtime_checkable
class EndsBlock(Protocol):
    """What an attention module offers besides `forward`, so that a block need not add and rectify by itself."""

    def takes_end(self, x: torch.Tensor) -> bool:
        """Whether `forward_end` is the faster way for a map (N, C, H, W) of that dtype and device."""

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """Give relu(forward(x) + shortcut), all of the shape (N, C, H, W)."""
