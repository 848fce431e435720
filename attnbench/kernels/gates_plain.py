"""Passes over a map that is re-weighted by gates, by PyTorch: what the operators run where there is no kernel."""

import torch

from attnbench.kernels.layout import at_least_float32, layout_of


def pool(
    x: torch.Tensor, channel: torch.Tensor | None, *, over_channels: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """See `attnbench.kernels.gates_operator.pool`."""
    wide = at_least_float32(x) * _gate(channel)
    dims = (1,) if over_channels else (2, 3)
    mean, maximum = wide.mean(dims, keepdim=over_channels), wide.amax(dims, keepdim=True)
    ties = (wide == maximum).sum(dims, keepdim=over_channels, dtype=wide.dtype)
    return mean, maximum.view(mean.shape), ties


def scale(
    x: torch.Tensor, channel: torch.Tensor | None, position: torch.Tensor | None, shortcut: torch.Tensor | None
) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.scale`."""
    y = at_least_float32(x) * _gate(channel) * _gate(position)
    if shortcut is not None:
        y = (y + shortcut).relu_()
    return _as_map(y, x)


def channel_gradient(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    terms: torch.Tensor | None,
) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.channel_gradient`."""
    return (_slope(grad_output, x, channel, position, terms) * x).sum((2, 3))


def position_gradient(grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor | None) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.position_gradient`."""
    return (at_least_float32(grad_output) * _gate(channel) * x).sum(1, keepdim=True)


def map_gradient(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    position_terms: torch.Tensor | None,
    channel_terms: torch.Tensor | None,
) -> torch.Tensor:
    """See `attnbench.kernels.gates_operator.map_gradient`."""
    grad_x = _slope(grad_output, x, channel, position, position_terms) * _gate(channel)
    if channel_terms is not None:
        grad_x = grad_x + _gate(channel_terms[:, 0])
    if channel_terms is not None and channel_terms.shape[1] == 3:
        grad_x = grad_x + torch.where(x == _gate(channel_terms[:, 2]), _gate(channel_terms[:, 1]), 0)
    return _as_map(grad_x, x)


def _slope(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    terms: torch.Tensor | None,
) -> torch.Tensor:
    """The gradient of the map that is gated by channel."""
    slope = at_least_float32(grad_output) * _gate(position)
    if terms is not None:
        through_mean, through_maximum, maximum = terms.chunk(3, 1)
        is_highest = at_least_float32(x) * _gate(channel) == maximum
        slope = slope + through_mean + torch.where(is_highest, through_maximum, 0)
    return slope


def _gate(gate: torch.Tensor | None) -> torch.Tensor | float:
    """A gate so that it broadcasts, or 1 for none."""
    if gate is None:
        return 1.0
    wide = at_least_float32(gate)
    return wide if gate.ndim == 4 else wide[:, :, None, None]


def _as_map(tensor: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return tensor.to(x.dtype).contiguous(memory_format=layout_of(x))
