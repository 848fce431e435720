"""Maps re-weighted by gates that are computed of the map itself, by whichever backend a module asks for."""

from collections.abc import Callable
from typing import TypeAlias

import torch

from attnbench.kernels.backend import Backend
from attnbench.kernels.bam_eager import AddGated, add_gated
from attnbench.kernels.gates_eager import pool, pooled, scale

GateOf: TypeAlias = Callable[..., torch.Tensor]
"""Gives a gate of means, and of maxima as a second argument where it is to be given them."""


def scale_channels(x: torch.Tensor, gate_of: GateOf, *, with_maximum: bool = False, backend: Backend) -> torch.Tensor:
    """A map times a gate a channel.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        gate_of: Gives the gate (N, C) of the channels' means (N, C).
        with_maximum: Whether it is given the channels' maxima too.
        backend: What computes.
    """

    def of_pooled(*pooled: torch.Tensor) -> torch.Tensor:
        return gate_of(*(tensor.flatten(1) for tensor in pooled))[:, :, None, None]

    return _scale_eagerly(x, (2, 3), of_pooled, with_maximum=with_maximum)


def scale_positions(x: torch.Tensor, gate_of: GateOf, *, backend: Backend) -> torch.Tensor:
    """A map times a gate a position.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        gate_of: Gives the gate (N, 1, H, W) of mean and maximum (N, 1, H, W) over the channels.
        backend: What computes.
    """
    return _scale_eagerly(x, (1,), gate_of, with_maximum=True)


def gather_excite(x: torch.Tensor, *, backend: Backend) -> torch.Tensor:
    """A map whose channels are scaled by the sigmoid of their means.

    Args:
        x: The map (N, C, H, W), in any memory layout.
        backend: What computes.
    """
    return scale_channels(x, torch.sigmoid, backend=backend)


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
    with torch.autocast(x.device.type, enabled=False):
        if differentiates():
            y: torch.Tensor = AddGated.apply(x, channel, position, product)
            return y
        return add_gated(x, channel, position, product=product)


def differentiates() -> bool:
    """Whether gradients are written out; tracers and exporters are to look into what is computed."""
    return torch.is_grad_enabled() and not torch.compiler.is_exporting()


def _scale_eagerly(x: torch.Tensor, dims: tuple[int, ...], gate_of: GateOf, *, with_maximum: bool) -> torch.Tensor:
    if not differentiates():
        return x * gate_of(*pooled(x, dims, with_maximum=with_maximum)).to(x.dtype)
    found, relays = pool(x, dims, with_maximum=with_maximum)
    return scale(x, gate_of(*found), relays)
