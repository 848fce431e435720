"""What BAM makes of a map and its two branches, by kernels that read each map once and write one.

`bam_eager` has the equations. The gate, as large as the map, is never in memory.
"""

import triton
import triton.language as tl

from attnbench.kernels.elements_triton import read, sigmoid, write
from attnbench.kernels.gates_passes_triton import offsets_of


@triton.jit
def gate_of(channel, position, PRODUCT: tl.constexpr):
    """The gate."""
    return sigmoid(channel * position if PRODUCT else channel + position)


@triton.jit
def forward_pass(
    x_pointer,
    channel_pointer,
    position_pointer,
    y_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    PRODUCT: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """The result x + x·g."""
    positions = position_units * UNIT
    image = tl.program_id(2).to(tl.int64)
    channel = tl.program_id(1) * CHANNEL_BLOCK + tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = tl.program_id(0) * POSITION_BLOCK + tl.arange(0, POSITION_BLOCK)[None, :]
    inside = (channel < channels) & (position < positions)
    start = image * channels * positions
    offsets = offsets_of(channel, position, channels, positions, CHANNELS_LAST)
    x = read(x_pointer + start + offsets, inside)
    of_channel = read(channel_pointer + image * channels + channel, channel < channels)
    of_position = read(position_pointer + image * positions + position, position < positions)
    write(y_pointer + start + offsets, x + x * gate_of(of_channel, of_position, PRODUCT), inside)


@triton.jit
def backward_pass(
    grad_pointer,
    x_pointer,
    channel_pointer,
    position_pointer,
    grad_x_pointer,
    channel_sum_pointer,
    position_sum_pointer,
    channels,
    position_units,
    UNIT: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    PRODUCT: tl.constexpr,
    TILES: tl.constexpr,
    CHANNEL_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
):
    """The gradient dx, and each program's part in dc, (N, parts, C), and in ds, (N, parts, H·W)."""
    positions = position_units * UNIT
    part, block, image = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    channel = block * CHANNEL_BLOCK + tl.arange(0, CHANNEL_BLOCK)[:, None]
    position = part * TILES * POSITION_BLOCK + tl.arange(0, POSITION_BLOCK)[None, :]
    is_channel = channel < channels
    of_channel = read(channel_pointer + image * channels + channel, is_channel)
    start = image * channels * positions
    total = tl.full((CHANNEL_BLOCK, POSITION_BLOCK), 0.0, tl.float32)
    for _ in range(TILES):
        is_position = position < positions
        inside = is_channel & is_position
        offsets = offsets_of(channel, position, channels, positions, CHANNELS_LAST)
        x, grad = read(x_pointer + start + offsets, inside), read(grad_pointer + start + offsets, inside)
        of_position = read(position_pointer + image * positions + position, is_position)
        gate = gate_of(of_channel, of_position, PRODUCT)
        write(grad_x_pointer + start + offsets, grad + grad * gate, inside)
        grad_logit = grad * x * gate * (1 - gate)
        total += grad_logit * of_position if PRODUCT else grad_logit
        by_channel = grad_logit * of_channel if PRODUCT else grad_logit
        result = (image * tl.num_programs(1) + block) * positions + position
        write(position_sum_pointer + result, tl.sum(by_channel, 0, keep_dims=True), is_position)
        position += POSITION_BLOCK
    result = (image * tl.num_programs(0) + part) * channels + channel
    write(channel_sum_pointer + result, tl.sum(total, 1, keep_dims=True), is_channel)
