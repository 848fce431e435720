"""Maps re-weighted by gates in each way that there are kernels for, beside the plain formula."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from attnbench.kernels import gates
from attnbench.kernels.backend import Backend

LAYOUTS = [torch.contiguous_format, torch.channels_last]


def channel_gate(mean: torch.Tensor, maximum: torch.Tensor | None = None) -> torch.Tensor:
    """A gate (N, C) in which channels are mixed."""
    mixed = mean if maximum is None else mean + 2 * maximum
    return torch.sigmoid(mixed - 0.5 * mixed.roll(1, 1))


def position_gate(mean: torch.Tensor, maximum: torch.Tensor) -> torch.Tensor:
    """A gate (N, 1, H, W) in which positions are mixed."""
    mixed = 3 * mean - maximum
    return torch.sigmoid(mixed + 0.5 * mixed.roll(1, 3))


def plain_channels(x: torch.Tensor) -> torch.Tensor:
    return x * channel_gate(x.mean((2, 3)))[:, :, None, None]


def plain_maxima(x: torch.Tensor) -> torch.Tensor:
    return x * channel_gate(x.mean((2, 3)), x.amax((2, 3)))[:, :, None, None]


def plain_positions(x: torch.Tensor) -> torch.Tensor:
    return x * position_gate(x.mean(1, keepdim=True), x.amax(1, keepdim=True))


def plain_means(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(x.mean((2, 3), keepdim=True))


@dataclass(frozen=True)
class Gating:
    """One way."""

    name: str
    scaled: Callable[..., torch.Tensor]
    """Of a map, given a backend and possibly a shortcut."""
    plain: Callable[[torch.Tensor], torch.Tensor]
    """The same without a shortcut."""

    def plainly(self, x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
        y = self.plain(x)
        return y if shortcut is None else torch.relu(y + shortcut)


def _twice(x: torch.Tensor, *, backend: Backend, shortcut: torch.Tensor | None = None) -> torch.Tensor:
    return gates.scale_twice(x, channel_gate, position_gate, shortcut=shortcut, backend=backend)


def _channels(x: torch.Tensor, *, backend: Backend, shortcut: torch.Tensor | None = None) -> torch.Tensor:
    return gates.scale_channels(x, channel_gate, shortcut=shortcut, backend=backend)


def _maxima(x: torch.Tensor, *, backend: Backend, shortcut: torch.Tensor | None = None) -> torch.Tensor:
    return gates.scale_channels(x, channel_gate, with_maximum=True, shortcut=shortcut, backend=backend)


def _positions(x: torch.Tensor, *, backend: Backend, shortcut: torch.Tensor | None = None) -> torch.Tensor:
    return gates.scale_positions(x, position_gate, shortcut=shortcut, backend=backend)


GATINGS = [
    Gating("channels", _channels, plain_channels),
    Gating("maxima", _maxima, plain_maxima),
    Gating("positions", _positions, plain_positions),
    Gating("twice", _twice, lambda x: plain_positions(plain_maxima(x))),
    Gating("means", gates.scale_by_means, plain_means),
]


def tied_map(*shape: int, layout: torch.memory_format, seed: int = 0) -> torch.Tensor:
    """A float64 map of halves, in which maxima are met several times."""
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return (2 * x).round().div(2).contiguous(memory_format=layout)


def slope_like(y: torch.Tensor) -> torch.Tensor:
    """The gradient of an output, in its own layout."""
    slope = torch.randn(y.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    return torch.empty_like(y).copy_(slope)
