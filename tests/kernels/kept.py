"""What autograd keeps of a forward pass."""

from collections.abc import Callable

import torch


def kept_bytes(forward: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> float:
    """Bytes that are kept for backward over those of `x`; parameters, which are there anyway, left out."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            storage = tensor.untyped_storage()
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = forward(x)
    assert y.requires_grad
    return sum(kept.values()) / (x.numel() * x.element_size())
