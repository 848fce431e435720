"""What the operators of the house have in common."""

from typing import Any

import torch

from attnbench.errors import SpecError
from attnbench.kernels.backend import has_kernels

COMPILED: dict[str, Any] = {"enable_fp_fusion": True}
"""How every kernel is compiled: a product is added up in one rounding, which Triton 3.10 no longer does unasked."""


def runs_kernels(x: torch.Tensor) -> bool:
    """Whether kernels compute what is made of a map; of an empty one there is nothing to compute."""
    return has_kernels(x.device, x.dtype) and x.numel() > 0


def check_shapes(
    x: torch.Tensor,
    *,
    channel: torch.Tensor | None = None,
    position: torch.Tensor | None = None,
    shortcut: torch.Tensor | None = None,
) -> None:
    """See that what stands beside a map fits it: a kernel would read past its end.

    Args:
        x: The map (N, C, H, W).
        channel: What there is of each channel, (N, C) or (N, C, 1, 1).
        position: What there is of each position, (N, 1, H, W).
        shortcut: Of the map's shape.

    Raises:
        SpecError: If it does not.
    """
    images, channels, height, width = x.shape
    allowed = {
        "channel": (channel, ((images, channels), (images, channels, 1, 1))),
        "position": (position, ((images, 1, height, width),)),
        "shortcut": (shortcut, (tuple(x.shape),)),
    }
    for name, (tensor, shapes) in allowed.items():
        if tensor is not None and tuple(tensor.shape) not in shapes:
            raise SpecError(f"{name} must be of the shape {' or '.join(map(str, shapes))}; got {tuple(tensor.shape)}")


def count_products(*_: Any, **__: Any) -> int:
    """What torch's counter counts, which knows convolutions and products of matrices: none."""
    return 0
