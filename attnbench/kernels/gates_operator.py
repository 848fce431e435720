"""Passes over a map that is re-weighted by gates, as operators of PyTorch: ``attnbench::gate_…``.

To compilers, tracers and counters each is one operator. It runs a kernel where there is one for the map's device and
dtype, else what `gates_plain` has. `gates_fused` makes differentiable functions of them.

Gates are (N, C) for channels and (N, 1, H, W) for positions; results that are no maps are in float32 at least.
"""

from types import ModuleType
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

from attnbench.kernels import gates_plain
from attnbench.kernels.layout import at_least_float32, layout_of
from attnbench.kernels.operators import check_shapes, count_products, runs_kernels

Pooled = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@torch.library.custom_op("attnbench::gate_pool", mutates_args=())
def pool(x: torch.Tensor, channel: torch.Tensor | None, over_channels: bool) -> Pooled:
    """Mean, maximum, and how many elements equal the maximum, in one read.

    Args:
        x: The map.
        channel: A gate that it is multiplied with first; over channels only.
        over_channels: Whether channels are pooled (N, 1, H, W), or positions (N, C).
    """
    check_shapes(x, channel=channel)
    if runs_kernels(x):
        return _kernels().pool(x, channel, over_channels=over_channels)  # type: ignore[no-any-return]
    return gates_plain.pool(x, channel, over_channels=over_channels)


@torch.library.custom_op("attnbench::gate_scale", mutates_args=())
def scale(
    x: torch.Tensor, channel: torch.Tensor | None, position: torch.Tensor | None, shortcut: torch.Tensor | None
) -> torch.Tensor:
    """The map times its gates and, given a shortcut of the map's shape, relu of that and the shortcut."""
    check_shapes(x, channel=channel, position=position, shortcut=shortcut)
    if runs_kernels(x):
        return _kernels().scale(x, channel, position, shortcut)  # type: ignore[no-any-return]
    return gates_plain.scale(x, channel, position, shortcut)


@torch.library.custom_op("attnbench::gate_channel_gradient", mutates_args=())
def channel_gradient(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    terms: torch.Tensor | None,
) -> torch.Tensor:
    """The gradient (N, C) of the channels' gate, in one read of two maps.

    Args:
        grad_output: G.
        x: The map.
        channel: The channels' gate; needed with `terms` only.
        position: The positions' gate that follows, if one does.
        terms: (N, 3, H, W), if it was computed of mean and maximum over the gated channels: what each element gets
            through the mean, what the highest get through the maximum, and the maximum.
    """
    if runs_kernels(x):
        return _kernels().dot(grad_output, x, channel, position, terms, over_channels=False)  # type: ignore[no-any-return]
    return gates_plain.channel_gradient(grad_output, x, channel, position, terms)


@torch.library.custom_op("attnbench::gate_position_gradient", mutates_args=())
def position_gradient(grad_output: torch.Tensor, x: torch.Tensor, channel: torch.Tensor | None) -> torch.Tensor:
    """The gradient (N, 1, H, W) of the positions' gate, in one read of two maps."""
    if runs_kernels(x):
        return _kernels().dot(grad_output, x, channel, None, None, over_channels=True)  # type: ignore[no-any-return]
    return gates_plain.position_gradient(grad_output, x, channel)


@torch.library.custom_op("attnbench::gate_map_gradient", mutates_args=())
def map_gradient(
    grad_output: torch.Tensor,
    x: torch.Tensor,
    channel: torch.Tensor | None,
    position: torch.Tensor | None,
    position_terms: torch.Tensor | None,
    channel_terms: torch.Tensor | None,
) -> torch.Tensor:
    """The gradient dx, in one write.

    Args:
        grad_output: As of `channel_gradient`.
        x: As of `channel_gradient`; read only where a maximum is to be found again.
        channel: As of `channel_gradient`.
        position: As of `channel_gradient`.
        position_terms: As `terms` of `channel_gradient`.
        channel_terms: (N, 3, C), the like of what the channels' gate was computed of, or (N, 1, C) of the mean alone.
    """
    given = grad_output, x, channel, position, position_terms, channel_terms
    return _kernels().gradient(*given) if runs_kernels(x) else gates_plain.map_gradient(*given)


@pool.register_fake
def _(x: torch.Tensor, channel: torch.Tensor | None, over_channels: bool) -> Pooled:
    images, channels, height, width = x.shape
    shape = (images, 1, height, width) if over_channels else (images, channels)
    mean, maximum, ties = (at_least_float32(x.new_empty(shape)) for _ in range(3))
    return mean, maximum, ties


@channel_gradient.register_fake
def _(grad_output: torch.Tensor, x: torch.Tensor, *_: Any) -> torch.Tensor:
    return at_least_float32(x.new_empty(x.shape[:2]))


@position_gradient.register_fake
def _(grad_output: torch.Tensor, x: torch.Tensor, *_: Any) -> torch.Tensor:
    return at_least_float32(x.new_empty((len(x), 1, *x.shape[2:])))


@scale.register_fake
def _(x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


@map_gradient.register_fake
def _(grad_output: torch.Tensor, x: torch.Tensor, *_: Any) -> torch.Tensor:
    return torch.empty_like(x, memory_format=layout_of(x))


def _kernels() -> ModuleType:
    # Not at the top: Triton is not everywhere, and takes its time to import.
    from attnbench.kernels import gates_triton

    return gates_triton


register_flop_formula(
    [
        getattr(torch.ops.attnbench, f"gate_{name}")
        for name in ("pool", "scale", "channel_gradient", "position_gradient", "map_gradient")
    ]
)(count_products)
