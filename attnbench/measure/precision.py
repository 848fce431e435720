"""The arithmetic in which steps are timed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import torch

Precision: TypeAlias = Literal["float32", "tf32", "bfloat16", "float16"]
"""float32 without TF32, float32 with TF32, or autocast to a half precision over float32 weights."""

_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def half_precision(precision: Precision) -> torch.dtype | None:
    """The type that autocast computes in; none where there is no autocast."""
    return _HALF.get(precision)


def autocast(device: torch.device, dtype: torch.dtype | None) -> torch.autocast:
    """Autocast to a half precision, or none at all."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)


@contextmanager
def arithmetic(precision: Precision) -> Iterator[None]:
    """Let convolutions and matrix products use TF32 or not, and let cuDNN choose its fastest algorithm.

    torch lets convolutions use TF32 unless told otherwise, so that float32 means it only in here.

    Args:
        precision: Whose rules hold; what held before holds again afterwards.
    """
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32 = matmul.allow_tf32 = precision == "tf32"
    cudnn.benchmark = True
    try:
        yield
    finally:
        cudnn.allow_tf32, matmul.allow_tf32, cudnn.benchmark = before
