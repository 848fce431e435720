"""What stopped a step: its memory, or anything else."""

import torch

# What is said where memory ends without torch's own class for it.
_OUT_OF_MEMORY = (
    "can't allocate memory",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


class RelayedError(Exception):
    """An error of another process, described there."""


class RelayedMemoryError(RelayedError, MemoryError):
    """Memory that ended in another process."""


def describe(error: Exception) -> str:
    """An error as ``Class: message``."""
    return str(error) if isinstance(error, RelayedError) else f"{type(error).__name__}: {error}"


def is_out_of_memory(error: Exception) -> bool:
    """Whether a smaller batch may help."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        words in str(error) for words in _OUT_OF_MEMORY
    )
