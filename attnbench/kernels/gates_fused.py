"""Maps re-weighted by gates that are computed of the map itself, differentiable and in as few passes as can be.

    c = network of mean and maximum of x over positions, or of the mean alone
    s = network of mean and maximum of c·x over channels
    y = x·c,  x·c·s,  or  relu of that + a shortcut

Passes over a map, r that read and w that write one, with `gates_operator` and, in brackets, as autograd would do it:

    x·c of means          forward 2r 1w (2r 1w),  backward 3r 1w (6r 4w)
    x·c of means, maxima  forward 2r 1w (3r 1w),  backward 4r 1w (9½r 6¼w)
    x·c·s                 forward 3r 1w (6r 2w),  backward 6r 1w (19r 12½w)
    relu(… + shortcut)    1r more (3r 2w more),   backward 2r 1w more (2r 1w more)

Nothing of the size of a map is kept but x, and the output where it is rectified. As in `gates_eager`, dx waits for
what the networks give back: its factors travel as the gradients of tensors without content, the relays.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels import gates_operator as passes
from attnbench.kernels.backend import differentiates
from attnbench.kernels.layout import at_least_float32, wide_dtype

GateOf: TypeAlias = Callable[..., torch.Tensor]
"""Gives a gate of means, and of maxima as a second argument where it is to be given them."""


def scale_channels(
    x: torch.Tensor, gate_of: GateOf, *, with_maximum: bool, shortcut: torch.Tensor | None
) -> torch.Tensor:
    """See `attnbench.kernels.gates.scale_channels`."""
    pooled, relays = _pool_channels(x, with_maximum=with_maximum, ahead=False)
    y: torch.Tensor = _run(Scale, x, gate_of(*pooled), None, shortcut, *relays[:2])
    return y


def scale_positions(x: torch.Tensor, gate_of: GateOf, *, shortcut: torch.Tensor | None) -> torch.Tensor:
    """See `attnbench.kernels.gates.scale_positions`."""
    mean, maximum, *relays = _run(PoolPositions, x, None, None, None, None)
    y: torch.Tensor = _run(Scale, x, None, gate_of(mean, maximum), shortcut, *relays)
    return y


def scale_twice(
    x: torch.Tensor, channel_gate_of: GateOf, position_gate_of: GateOf, *, shortcut: torch.Tensor | None
) -> torch.Tensor:
    """See `attnbench.kernels.gates.scale_twice`."""
    pooled, relays = _pool_channels(x, with_maximum=True, ahead=True)
    channel = channel_gate_of(*pooled)
    mean, maximum, *position_relays = _run(PoolPositions, x, channel, *relays)
    # Its gradient is what `PoolPositions` gives.
    y: torch.Tensor = _run(Scale, x, channel.detach(), position_gate_of(mean, maximum), shortcut, *position_relays)
    return y


def _pool_channels(
    x: torch.Tensor, *, with_maximum: bool, ahead: bool
) -> tuple[tuple[torch.Tensor, ...], tuple[torch.Tensor, ...]]:
    mean, maximum, *relays = _run(PoolChannels, x, with_maximum, ahead)
    return (mean, maximum) if with_maximum else (mean,), tuple(relays)


def _run(function: type[torch.autograd.Function], *args: Any) -> Any:
    """Apply a function, without autograd's bookkeeping where nothing is differentiated, for tracers to look into."""
    applies = differentiates() or (_EXPORTS_WHAT_IT_COMPILES and _is_compiled())
    return function.apply(*args) if applies else function.forward(_KeepsNothing(), *args)


_EXPORTS_WHAT_IT_COMPILES = torch.__version__ < "2.12"
"""Torch 2.11 says of whatever it compiles that it is exported; these operators have no gradients by themselves."""


def _is_compiled() -> bool:
    return torch.is_grad_enabled() and torch.compiler.is_compiling() and not torch.compiler._is_exporting_flag


class _KeepsNothing:
    """Stands in for the context of a function that is not differentiated."""

    def save_for_backward(self, *tensors: torch.Tensor | None) -> None:
        """Nothing is saved."""


class PoolChannels(torch.autograd.Function):
    """What a gate a channel is computed of: means and maxima (N, C), the map's dtype; differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, with_maximum: bool, ahead: bool) -> tuple[torch.Tensor | None, ...]:
        """Mean, maximum or none, and relays of G, of c and, if positions are pooled after, of s and its terms."""
        images, _, height, width = x.shape
        maximum = ties = None
        if with_maximum:
            mean, maximum, ties = passes.pool(x, None, False)
        else:
            mean = x.mean((2, 3), dtype=wide_dtype(x))
        ctx.save_for_backward(x, maximum, ties)
        ctx.positions = height * width
        relays = _relay_of(x), torch.empty_like(mean), mean.new_empty(images, 4, height, width) if ahead else None
        return _narrowed(mean, x), None if maximum is None else _narrowed(maximum, x), *relays

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient dx."""
        grad_mean, grad_maximum, grad_output, channel, ahead = gradients
        x, maximum, ties = ctx.saved_tensors
        terms = [at_least_float32(grad_mean) / ctx.positions]
        if maximum is not None:
            terms += [grad_maximum / ties, maximum]
        position, position_terms = (None, None) if ahead is None else (ahead[:, :1], ahead[:, 1:])
        grad_x = passes.map_gradient(grad_output, x, channel, position, position_terms, torch.stack(terms, 1))
        return grad_x, None, None


class PoolPositions(torch.autograd.Function):
    """What a gate a position is computed of: mean and maximum (N, 1, H, W) over channels; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, channel: torch.Tensor | None, *relays: torch.Tensor | None
    ) -> tuple[torch.Tensor, ...]:
        """Mean and maximum of the map, or of c·x given c and the relays of `PoolChannels`; relays of G and s."""
        mean, maximum, ties = passes.pool(x, channel, True)
        ctx.save_for_backward(x, channel, maximum, ties)
        return _narrowed(mean, x), _narrowed(maximum, x), _relay_of(x), torch.empty_like(mean)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient dx, or dc and what `PoolChannels` needs for dx."""
        grad_mean, grad_maximum, grad_output, position = gradients
        x, channel, maximum, ties = ctx.saved_tensors
        terms = torch.cat((at_least_float32(grad_mean) / x.shape[1], grad_maximum / ties, maximum), 1)
        if channel is None:
            return passes.map_gradient(grad_output, x, None, position, terms, None), None, None, None, None
        grad_channel = passes.channel_gradient(grad_output, x, channel, position, terms)
        relayed = grad_output, at_least_float32(channel), torch.cat((position, terms), 1)
        return None, grad_channel.to(channel.dtype), *relayed


class Scale(torch.autograd.Function):
    """The map times its gates, with or without the end of a block; differentiable once."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        channel: torch.Tensor | None,
        position: torch.Tensor | None,
        shortcut: torch.Tensor | None,
        *relays: torch.Tensor,
    ) -> torch.Tensor:
        """The result y; the relays are those of what was pooled last."""
        y: torch.Tensor = passes.scale(x, channel, position, shortcut)
        ctx.save_for_backward(x, channel, position, None if shortcut is None else y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of the last gate and the shortcut, and by relay G and the last gate."""
        x, channel, position, y = ctx.saved_tensors
        if y is not None:
            grad_output = torch.ops.aten.threshold_backward(grad_output, y, 0)
        grad_shortcut = None if y is None else grad_output
        if position is None:
            grad_gate = passes.channel_gradient(grad_output, x, None, None, None)
            return None, grad_gate.to(channel.dtype), None, grad_shortcut, grad_output, at_least_float32(channel)
        grad_gate = passes.position_gradient(grad_output, x, channel)
        return None, None, grad_gate.to(position.dtype), grad_shortcut, grad_output, at_least_float32(position)


def _narrowed(pooled: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What was pooled of a map, in its dtype; torch 2.11 loses the gradient of `to` where that changes nothing."""
    return pooled if pooled.dtype == x.dtype else pooled.to(x.dtype)


def _relay_of(x: torch.Tensor) -> torch.Tensor:
    """A tensor of the map's shape that takes no memory."""
    return x.new_empty(()).expand(x.shape)
