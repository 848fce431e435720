"""Single passes over a map that is re-weighted by gates: each reads it once, and writes at most one other.

A program works on tiles (channels, positions) of one image, in either memory layout. Sums are taken in a fixed
order, those of long rows in parts that are added up after, so that results repeat. Everything is computed in float32.

`gates_eager` and `gates_fused` have the equations.
"""

import triton
import triton.language as tl

from attnbench.kernels.elements_triton import read, rectify, write


@triton.jit
def offsets_of(channel, position, channels, positions, CHANNELS_LAST: tl.constexpr):
    """Where elements lie in their image; a tile's are counted in 32 bits, a map's may need more."""
    return position * channels + channel if CHANNELS_LAST else channel * positions + position


@triton.jit
def first_of(OVER: tl.constexpr, TILES: tl.constexpr, CHANNEL_BLOCK: tl.constexpr, POSITION_BLOCK: tl.constexpr):
    """Channels and positions of the first tile of a program that pools over one of the two, dimension `OVER`."""
    kept, part = tl.program_id(0), tl.program_id(1)
    channel = tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = tl.arange(0, POSITION_BLOCK)[None, :]
    if OVER == 0:
        return channel + part * TILES * CHANNEL_BLOCK, position + kept * POSITION_BLOCK
    return channel + kept * CHANNEL_BLOCK, position + part * TILES * POSITION_BLOCK


@triton.jit
def pool_pass(
    x_pointer,
    channel_pointer,
    sum_pointer,
    maximum_pointer,
    ties_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    OVER: tl.constexpr,
    TILES: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """Sum, maximum, and how many elements equal it, of a map or its product with a gate a channel."""
    positions = position_units * UNIT
    image = tl.program_id(2).to(tl.int64)
    channel, position = first_of(OVER, TILES, CHANNEL_BLOCK, POSITION_BLOCK)
    x_pointer += image * channels * positions
    total = tl.full((CHANNEL_BLOCK, POSITION_BLOCK), 0.0, tl.float32)
    ties = tl.full((CHANNEL_BLOCK, POSITION_BLOCK), 0.0, tl.float32)
    highest = tl.full((CHANNEL_BLOCK, POSITION_BLOCK), float("-inf"), tl.float32)
    for _ in range(TILES):
        inside = (channel < channels) & (position < positions)
        value = read(x_pointer + offsets_of(channel, position, channels, positions, CHANNELS_LAST), inside)
        if channel_pointer is not None:
            value *= read(channel_pointer + image * channels + channel, channel < channels)
        total += value
        value = tl.where(inside, value, float("-inf"))
        ties = tl.where(value > highest, 1.0, tl.where(value == highest, ties + 1, ties))
        highest = tl.maximum(value, highest)
        if OVER == 0:
            channel += CHANNEL_BLOCK
        else:
            position += POSITION_BLOCK
    maximum = tl.max(highest, OVER, keep_dims=True)
    extent = positions if OVER == 0 else channels
    index = position if OVER == 0 else channel
    # What is pooled over has moved on, and is the same for all.
    result = (image * tl.num_programs(1) + tl.program_id(1)) * extent + index
    write(sum_pointer + result, tl.sum(total, OVER, keep_dims=True), index < extent)
    write(maximum_pointer + result, maximum, index < extent)
    counted = tl.sum(tl.where(highest == maximum, ties, 0.0), OVER, keep_dims=True)
    write(ties_pointer + result, counted, index < extent)


@triton.jit
def slope_of(grad, x, channel_gate, position_pointer, terms_pointer, row, positions, position, is_position):
    """The gradient of a map gated by channel, of the output's; `row` is that of the image in a table (N, H·W)."""
    if position_pointer is not None:
        grad *= read(position_pointer + row + position, is_position)
    if terms_pointer is not None:
        terms_pointer += 3 * row + position
        through_maximum = read(terms_pointer + positions, is_position)
        maximum = read(terms_pointer + 2 * positions, is_position)
        grad += read(terms_pointer, is_position) + tl.where(x * channel_gate == maximum, through_maximum, 0.0)
    return grad


@triton.jit
def dot_pass(
    grad_pointer,
    x_pointer,
    channel_pointer,
    position_pointer,
    terms_pointer,
    sum_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    OVER: tl.constexpr,
    TILES: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """The gradient of a gate: sum over positions of what `slope_of` gives times x, or over channels of G·c·x."""
    positions = position_units * UNIT
    image = tl.program_id(2).to(tl.int64)
    channel, position = first_of(OVER, TILES, CHANNEL_BLOCK, POSITION_BLOCK)
    start = image * channels * positions
    total = tl.full((CHANNEL_BLOCK, POSITION_BLOCK), 0.0, tl.float32)
    for _ in range(TILES):
        is_position = position < positions
        inside = (channel < channels) & is_position
        offsets = offsets_of(channel, position, channels, positions, CHANNELS_LAST)
        x, grad = read(x_pointer + start + offsets, inside), read(grad_pointer + start + offsets, inside)
        gate = 1.0
        if channel_pointer is not None:
            gate = read(channel_pointer + image * channels + channel, channel < channels)
        grad = slope_of(
            grad, x, gate, position_pointer, terms_pointer, image * positions, positions, position, is_position
        )
        total += (grad * gate if OVER == 0 else grad) * x
        if OVER == 0:
            channel += CHANNEL_BLOCK
        else:
            position += POSITION_BLOCK
    extent = positions if OVER == 0 else channels
    index = position if OVER == 0 else channel
    result = (image * tl.num_programs(1) + tl.program_id(1)) * extent + index
    write(sum_pointer + result, tl.sum(total, OVER, keep_dims=True), index < extent)


@triton.jit
def scale_pass(
    x_pointer,
    channel_pointer,
    position_pointer,
    shortcut_pointer,
    y_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """A map times its gates or, given a shortcut, relu of that and the shortcut."""
    positions = position_units * UNIT
    image = tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNEL_BLOCK + tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = tl.program_id(0) * POSITION_BLOCK + tl.arange(0, POSITION_BLOCK)[None, :]
    inside = (channel < channels) & (position < positions)
    start = image * channels * positions
    offsets = offsets_of(channel, position, channels, positions, CHANNELS_LAST)
    y = read(x_pointer + start + offsets, inside)
    if channel_pointer is not None:
        y *= read(channel_pointer + image * channels + channel, channel < channels)
    if position_pointer is not None:
        y *= read(position_pointer + image * positions + position, position < positions)
    if shortcut_pointer is not None:
        y = rectify(y + read(shortcut_pointer + start + offsets, inside))
    write(y_pointer + start + offsets, y, inside)


@triton.jit
def gradient_pass(
    grad_pointer,
    x_pointer,
    channel_pointer,
    position_pointer,
    position_terms_pointer,
    channel_terms_pointer,
    grad_x_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    CHANNEL_TERMS: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """The gradient dx; x itself is read only where a maximum is to be found again."""
    positions = position_units * UNIT
    image = tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNEL_BLOCK + tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = tl.program_id(0) * POSITION_BLOCK + tl.arange(0, POSITION_BLOCK)[None, :]
    is_channel, is_position = channel < channels, position < positions
    inside = is_channel & is_position
    start = image * channels * positions
    offsets = offsets_of(channel, position, channels, positions, CHANNELS_LAST)
    grad = read(grad_pointer + start + offsets, inside)
    x = grad
    if position_terms_pointer is not None or CHANNEL_TERMS == 3:
        x = read(x_pointer + start + offsets, inside)
    gate = 1.0
    if channel_pointer is not None:
        gate = read(channel_pointer + image * channels + channel, is_channel)
    grad = slope_of(
        grad, x, gate, position_pointer, position_terms_pointer, image * positions, positions, position, is_position
    )
    grad *= gate
    if CHANNEL_TERMS > 0:
        channel_terms_pointer += image * CHANNEL_TERMS * channels + channel
        grad += read(channel_terms_pointer, is_channel)
    if CHANNEL_TERMS == 3:
        through_maximum = read(channel_terms_pointer + channels, is_channel)
        grad += tl.where(x == read(channel_terms_pointer + 2 * channels, is_channel), through_maximum, 0.0)
    write(grad_x_pointer + start + offsets, grad, inside)
