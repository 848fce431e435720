"""Maps re-weighted by gates that are computed of the map itself, by whichever backend a module asks for."""

import torch

from attnbench.kernels import gates_fused
from attnbench.kernels.backend import Backend, differentiates, takes_operator
from attnbench.kernels.bam_eager import AddGated
from attnbench.kernels.bam_eager import add_gated as add_gated_eagerly
from attnbench.kernels.bam_operator import add_gated
from attnbench.kernels.excite_operator import gather_excite, gather_excite_add_relu
from attnbench.kernels.gates_eager import pool, pooled, scale
from attnbench.kernels.gates_fused import GateOf


def scale_channels(
    x: torch.Tensor,
    gate_of: GateOf,
    *,
    with_maximum: bool = False,
    shortcut: torch.Tensor | None = None,
    backend: Backend,
) -> torch.Tensor:
    """A map times a gate a channel or, given a shortcut, relu of that and the shortcut.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        gate_of: Gives the gate (N, C) of the channels' means (N, C).
        with_maximum: Whether it is given the channels' maxima too.
        shortcut: What is added, of the map's shape.
        backend: What computes.
    """
    if _takes_operator(backend, x, shortcut):
        return gates_fused.scale_channels(x, gate_of, with_maximum=with_maximum, shortcut=shortcut)

    def of_pooled(*pooled: torch.Tensor) -> torch.Tensor:
        return gate_of(*(tensor.flatten(1) for tensor in pooled))[:, :, None, None]

    return _ended(_scale_eagerly(x, (2, 3), of_pooled, with_maximum=with_maximum), shortcut)


def scale_positions(
    x: torch.Tensor, gate_of: GateOf, *, shortcut: torch.Tensor | None = None, backend: Backend
) -> torch.Tensor:
    """A map times a gate a position or, given a shortcut, relu of that and the shortcut.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        gate_of: Gives the gate (N, 1, H, W) of mean and maximum (N, 1, H, W) over the channels.
        shortcut: What is added, of the map's shape.
        backend: What computes.
    """
    if _takes_operator(backend, x, shortcut):
        return gates_fused.scale_positions(x, gate_of, shortcut=shortcut)
    return _ended(_scale_eagerly(x, (1,), gate_of, with_maximum=True), shortcut)


def scale_twice(
    x: torch.Tensor,
    channel_gate_of: GateOf,
    position_gate_of: GateOf,
    *,
    shortcut: torch.Tensor | None = None,
    backend: Backend,
) -> torch.Tensor:
    """A map times a gate a channel, and that times a gate a position; with a shortcut relu of it and the shortcut.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        channel_gate_of: Gives the gate (N, C) of the channels' means and maxima (N, C).
        position_gate_of: Gives the gate (N, 1, H, W) of mean and maximum (N, 1, H, W) over the gated channels.
        shortcut: What is added, of the map's shape.
        backend: What computes.
    """
    if _takes_operator(backend, x, shortcut):
        return gates_fused.scale_twice(x, channel_gate_of, position_gate_of, shortcut=shortcut)
    gated = scale_channels(x, channel_gate_of, with_maximum=True, backend="eager")
    return scale_positions(gated, position_gate_of, shortcut=shortcut, backend="eager")


def scale_by_means(x: torch.Tensor, *, shortcut: torch.Tensor | None = None, backend: Backend) -> torch.Tensor:
    """A map whose channels are scaled by the sigmoid of their means; with a shortcut relu of it and the shortcut.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        shortcut: What is added, of the map's shape.
        backend: What computes.
    """
    if _takes_operator(backend, x, shortcut):
        y: torch.Tensor = gather_excite(x) if shortcut is None else gather_excite_add_relu(x, shortcut)
        return y
    return scale_channels(x, torch.sigmoid, shortcut=shortcut, backend="eager")


def add_gated_map(
    x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool, backend: Backend
) -> torch.Tensor:
    """A map and its product with the sigmoid of a channel's and a position's logit.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        channel: (N, C, 1, 1).
        position: (N, 1, H, W).
        product: Whether the logits are multiplied, or added.
        backend: What computes.
    """
    y: torch.Tensor
    if takes_operator(backend, x):
        y = add_gated(x, channel, position, product)
        return y
    with torch.autocast(x.device.type, enabled=False):
        if differentiates():
            y = AddGated.apply(x, channel, position, product)
            return y
        return add_gated_eagerly(x, channel, position, product=product)


def _takes_operator(backend: Backend, x: torch.Tensor, shortcut: torch.Tensor | None) -> bool:
    fits = shortcut is None or (shortcut.dtype, shortcut.shape) == (x.dtype, x.shape)
    return takes_operator(backend, x) and fits


def _scale_eagerly(x: torch.Tensor, dims: tuple[int, ...], gate_of: GateOf, *, with_maximum: bool) -> torch.Tensor:
    if not differentiates():
        return x * gate_of(*pooled(x, dims, with_maximum=with_maximum)).to(x.dtype)
    found, relays = pool(x, dims, with_maximum=with_maximum)
    return scale(x, gate_of(*found), relays)


def _ended(y: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
    return y if shortcut is None else torch.relu_(y.add_(shortcut))
