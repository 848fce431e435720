"""What the operators of the house have in common."""

from typing import Any

import torch

from attnbench.kernels.backend import has_kernels


def runs_kernels(x: torch.Tensor) -> bool:
    """Whether kernels compute what is made of a map; of an empty one there is nothing to compute."""
    return has_kernels(x.device, x.dtype) and x.numel() > 0


def count_products(*_: Any, **__: Any) -> int:
    """What torch's counter counts, which knows convolutions and products of matrices: none."""
    return 0
