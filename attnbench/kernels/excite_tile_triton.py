"""A map whose channels are scaled by the sigmoid of their means, by kernels that hold whole channels on the chip."""

import triton
import triton.language as tl

from attnbench.kernels.elements_triton import read, rectify, sigmoid, write
from attnbench.kernels.gates_passes_triton import offsets_of


@triton.jit
def locate(channels, positions, CHANNELS_LAST: tl.constexpr, CHANNEL_BLOCK: tl.constexpr, POSITION_BLOCK: tl.constexpr):
    """Where the elements of this program's channels lie, and which of them there are."""
    channel = tl.program_id(0) * CHANNEL_BLOCK + tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = tl.arange(0, POSITION_BLOCK)[None, :]
    start = tl.program_id(1).to(tl.int64) * channels * positions
    inside = (channel < channels) & (position < positions)
    return start, offsets_of(channel, position, channels, positions, CHANNELS_LAST), inside


@triton.jit
def gate_of(x, positions):
    """The sigmoid of the channels' means."""
    return sigmoid(tl.sum(x, 1, keep_dims=True) / positions)


@triton.jit
def forward_held(
    x_pointer,
    shortcut_pointer,
    y_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """x·g or, given a shortcut, relu(x·g + shortcut)."""
    positions = position_units * UNIT
    start, offsets, inside = locate(channels, positions, CHANNELS_LAST, CHANNEL_BLOCK, POSITION_BLOCK)
    x = read(x_pointer + start + offsets, inside)
    y = x * gate_of(x, positions)
    if shortcut_pointer is not None:
        y = rectify(y + read(shortcut_pointer + start + offsets, inside))
    write(y_pointer + start + offsets, y, inside)


@triton.jit
def backward_held(
    grad_pointer,
    x_pointer,
    grad_x_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """The gradient g G + g (1 − g) Σ G x / n."""
    positions = position_units * UNIT
    start, offsets, inside = locate(channels, positions, CHANNELS_LAST, CHANNEL_BLOCK, POSITION_BLOCK)
    x, grad = read(x_pointer + start + offsets, inside), read(grad_pointer + start + offsets, inside)
    gate = gate_of(x, positions)
    through_mean = tl.sum(grad * x, 1, keep_dims=True) * gate * (1 - gate) / positions
    write(grad_x_pointer + start + offsets, gate * grad + through_mean, inside)
