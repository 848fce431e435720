"""Bytes that a forward pass keeps for the backward pass."""

import copy

import torch
from torch import nn

from attnbench.measure.moved import storage_of
from attnbench.measure.precision import autocast as autocast_to


def bytes_saved_for_backward(model: nn.Module, images: torch.Tensor, *, autocast: torch.dtype | None = None) -> int:
    """Count the bytes that autograd keeps alive from a forward pass in training mode to its backward pass.

    Each storage counts once and whole, however many operators saved it or a view
    of it. Parameters, buffers and the images are left out: they are alive anyway.
    So are the loss, which is not the model's, and what an autograd function keeps
    in attributes of its own, which autograd does not see.

    Args:
        model: The model, on the device of `images`; it is not changed.
        images: A batch (N, C, H, W).
        autocast: Type to compute in where autocast knows it to be safe; none computes in the model's own.
    """
    copied = copy.deepcopy(model).train()
    lasting = {storage_of(tensor) for tensor in (*copied.parameters(), *copied.buffers(), images)}
    saved: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        # Holding the storage keeps its name from being given to another.
        saved.setdefault(storage_of(tensor), tensor.untyped_storage())
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with torch.enable_grad(), hooks, autocast_to(images.device, autocast):
        copied(images)
    return sum(storage.nbytes() for name, storage in saved.items() if name not in lasting)
