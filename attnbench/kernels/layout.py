"""How maps lie in memory, and in what precision they are computed."""

import torch


def is_channels_last(x: torch.Tensor) -> bool:
    """Whether a map lies in memory as N×H×W×C, and not also as N×C×H×W."""
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()


def layout_of(x: torch.Tensor) -> torch.memory_format:
    """The memory layout that a map is computed in, and that its results have: its own of the two, or N×C×H×W."""
    return torch.channels_last if is_channels_last(x) else torch.contiguous_format


def at_least_float32(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor in float32, or in float64 if it is that."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
