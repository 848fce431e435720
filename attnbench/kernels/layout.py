"""How maps lie in memory, and in what precision they are computed."""

from typing import Any

import torch

SECTOR_BYTES = 32
"""What the memory of a GPU hands out at least."""


def is_channels_last(x: torch.Tensor) -> bool:
    """Whether a map lies in memory as N×H×W×C, and not also as N×C×H×W."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def layout_of(x: torch.Tensor) -> torch.memory_format:
    """The memory layout that a map is computed in, and that its results have: its own of the two, or N×C×H×W."""
    return torch.channels_last if is_channels_last(x) else torch.contiguous_format


def laid_out(tensor: Any, *, like: torch.Tensor) -> Any:
    """A map, or none, in the memory layout of the results of another."""
    return None if tensor is None else tensor.contiguous(memory_format=layout_of(like))


def wide_dtype(tensor: torch.Tensor) -> torch.dtype:
    """In what statistics of a tensor are computed: float32, or float64 if it is that."""
    return torch.promote_types(tensor.dtype, torch.float32)


def at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float32, or in float64 if it is that."""
    return tensor.to(wide_dtype(tensor))


def written_to(tensor: torch.Tensor) -> torch.Tensor | None:
    """An operator's ``out``, given a tensor that nothing else needs.

    None where a compiler reads along: it saves that memory itself, and before torch 2.14 refuses maps channels last.
    """
    return None if torch.compiler.is_compiling() else tensor
