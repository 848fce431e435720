"""Spatial group-wise enhancement by kernels that go over a tile several times, in blocks of positions.

They are for tiles that the chip does not hold; what they read again comes from the cache as far as it reaches. A tile
and its dimensions are those of `sge_tile_triton`. Sizes are arguments and not constants: large maps come in many sizes,
and each would be compiled by itself.
"""

import triton
import triton.language as tl

from attnbench.kernels.elements_triton import read, rectify, sigmoid
from attnbench.kernels.sge_tile_triton import damped, divisor_of, locate, spread


@triton.jit
def take_statistics(
    x_pointer,
    offsets,
    position,
    is_channel,
    group,
    stride,
    positions,
    POSITION_BLOCK: tl.constexpr,
    POSITION: tl.constexpr,
    FEATURE: tl.constexpr,
    NORMALIZE: tl.constexpr,
    OFFICIAL: tl.constexpr,
):
    """The mean g, μ and what `spread` gives, in two passes; of what is not normalised g, 0, 1 and 0, in one."""
    total = tl.full(offsets.shape, 0.0, tl.float32)
    for begin in range(0, positions, POSITION_BLOCK):
        inside = (begin + position < positions) & is_channel
        total += read(x_pointer + begin * stride + offsets, inside)
    mean = tl.sum(total, POSITION, keep_dims=True) / positions
    centre = tl.sum(mean * mean, FEATURE, keep_dims=True)
    if NORMALIZE:
        # That is μ but for rounding, so nothing cancels in the sum of squares around it.
        first = tl.full((position + group).shape, 0.0, tl.float32)
        second = tl.full((position + group).shape, 0.0, tl.float32)
        for begin in range(0, positions, POSITION_BLOCK):
            is_position = begin + position < positions
            x = read(x_pointer + begin * stride + offsets, is_position & is_channel)
            apart = tl.where(is_position, tl.sum(x * mean, FEATURE, keep_dims=True) - centre, 0.0)
            first += apart
            second += apart * apart
        divisor = divisor_of(positions, OFFICIAL)
        sum_apart = tl.sum(first, POSITION, keep_dims=True)
        squares = tl.sum(second, POSITION, keep_dims=True) - sum_apart * sum_apart / positions
        widened, through = spread(squares / divisor, divisor)
        centre += sum_apart / positions
    else:
        centre, widened, through = 0.0, 1.0, 0.0
    return mean, centre, widened, through


@triton.jit
def coefficient_of(x, mean, centre, widened, is_position, FEATURE: tl.constexpr):
    """What `standardize` gives, in a block; 0 where it reaches past the map."""
    return tl.where(is_position, (tl.sum(x * mean, FEATURE, keep_dims=True) - centre) / widened, 0.0)


@triton.jit
def logit_gradient(slope, x, gate, FEATURE: tl.constexpr):
    """The gradient da of the gate's logit, in a block."""
    return tl.sum(slope * x, FEATURE, keep_dims=True) * (gate * (1 - gate))


@triton.jit
def forward_passes(
    x_pointer,
    shortcut_pointer,
    gate_scale_pointer,
    gate_shift_pointer,
    y_pointer,
    groups,
    position_units,
    UNIT: tl.constexpr,
    FEATURES: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
    FEATURE_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    NORMALIZE: tl.constexpr,
    OFFICIAL: tl.constexpr,
):
    """x·p or, given a shortcut, relu(x·p + shortcut)."""
    POSITION: tl.constexpr = 0 if CHANNELS_LAST else 2
    FEATURE: tl.constexpr = 2 if CHANNELS_LAST else 1
    # A product, so that the compiler knows how rows are aligned.
    positions = position_units * UNIT
    start, offsets, position, is_channel, group, is_group, _ = locate(
        groups, positions, FEATURES, GROUP_BLOCK, FEATURE_BLOCK, POSITION_BLOCK, CHANNELS_LAST
    )
    stride = tl.cast(groups, tl.int64) * FEATURES if CHANNELS_LAST else 1
    mean, centre, widened, _ = take_statistics(
        x_pointer + start, offsets, position, is_channel, group, stride, positions, POSITION_BLOCK,
        POSITION, FEATURE, NORMALIZE, OFFICIAL,
    )  # fmt: skip
    gate_scale = read(gate_scale_pointer + group, is_group)
    gate_shift = read(gate_shift_pointer + group, is_group)
    for begin in range(0, positions, POSITION_BLOCK):
        is_position = begin + position < positions
        inside = is_position & is_channel
        here = start + begin * stride + offsets
        x = read(x_pointer + here, inside)
        coefficient = coefficient_of(x, mean, centre, widened, is_position, FEATURE)
        y = x * sigmoid(gate_scale * coefficient + gate_shift)
        if shortcut_pointer is not None:
            y = rectify(y + read(shortcut_pointer + here, inside))
        tl.store(y_pointer + here, y.to(y_pointer.dtype.element_ty), mask=inside)


@triton.jit
def read_slope(grad_output_pointer, y_pointer, here, inside):
    """The gradient of the output or, given y, that of the sum before ReLU."""
    slope = read(grad_output_pointer + here, inside)
    if y_pointer is not None:
        slope = tl.where(read(y_pointer + here, inside) <= 0, 0.0, slope)
    return slope


@triton.jit
def backward_passes(
    grad_output_pointer,
    x_pointer,
    y_pointer,
    gate_scale_pointer,
    gate_shift_pointer,
    grad_x_pointer,
    grad_shortcut_pointer,
    grad_scale_pointer,
    grad_shift_pointer,
    groups,
    position_units,
    UNIT: tl.constexpr,
    FEATURES: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
    FEATURE_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    NORMALIZE: tl.constexpr,
    OFFICIAL: tl.constexpr,
):
    """The gradients of x and, given y, the shortcut; and (N, G) each image's part in those of γ and β.

    Σ dc_i x_i needs no pass of its own: Σ dc_i = 0 where c is normalised, so it is
    (w γ/s) (Σ da_i (x_i − g) − (s/σ_c) (dγ/d) Σ n_i (x_i − g)).
    """
    POSITION: tl.constexpr = 0 if CHANNELS_LAST else 2
    FEATURE: tl.constexpr = 2 if CHANNELS_LAST else 1
    positions = position_units * UNIT
    start, offsets, position, is_channel, group, is_group, row = locate(
        groups, positions, FEATURES, GROUP_BLOCK, FEATURE_BLOCK, POSITION_BLOCK, CHANNELS_LAST
    )
    stride = tl.cast(groups, tl.int64) * FEATURES if CHANNELS_LAST else 1
    mean, centre, widened, through = take_statistics(
        x_pointer + start, offsets, position, is_channel, group, stride, positions, POSITION_BLOCK,
        POSITION, FEATURE, NORMALIZE, OFFICIAL,
    )  # fmt: skip
    gate_scale = read(gate_scale_pointer + group, is_group)
    gate_shift = read(gate_shift_pointer + group, is_group)
    logit_total = tl.full((position + group).shape, 0.0, tl.float32)
    product_total = tl.full((position + group).shape, 0.0, tl.float32)
    by_logit = tl.full(offsets.shape, 0.0, tl.float32)
    by_coefficient = tl.full(offsets.shape, 0.0, tl.float32)
    for begin in range(0, positions, POSITION_BLOCK):
        is_position = begin + position < positions
        inside = is_position & is_channel
        here = start + begin * stride + offsets
        x = read(x_pointer + here, inside)
        slope = read_slope(grad_output_pointer, y_pointer, here, inside)
        coefficient = coefficient_of(x, mean, centre, widened, is_position, FEATURE)
        gate = sigmoid(gate_scale * coefficient + gate_shift)
        grad_logit = logit_gradient(slope, x, gate, FEATURE)
        logit_total += grad_logit
        product_total += grad_logit * coefficient
        by_logit += grad_logit * (x - mean)
        by_coefficient += coefficient * (x - mean)
    grad_shift = tl.sum(logit_total, POSITION, keep_dims=True)
    grad_scale = tl.sum(product_total, POSITION, keep_dims=True)
    tl.store(grad_scale_pointer + row + group, grad_scale, mask=is_group)
    tl.store(grad_shift_pointer + row + group, grad_shift, mask=is_group)
    grad_mean = tl.sum(by_logit, POSITION, keep_dims=True)
    if NORMALIZE:
        factor = damped(gate_scale, widened)
        held_shift, held_scale = grad_shift / positions, through * grad_scale
        grad_mean -= held_scale * tl.sum(by_coefficient, POSITION, keep_dims=True)
    else:
        factor = gate_scale
        held_shift, held_scale = 0.0, 0.0
        grad_mean += grad_shift * mean
    added = factor * grad_mean / positions
    for begin in range(0, positions, POSITION_BLOCK):
        is_position = begin + position < positions
        inside = is_position & is_channel
        here = start + begin * stride + offsets
        x = read(x_pointer + here, inside)
        slope = read_slope(grad_output_pointer, y_pointer, here, inside)
        coefficient = coefficient_of(x, mean, centre, widened, is_position, FEATURE)
        gate = sigmoid(gate_scale * coefficient + gate_shift)
        grad_logit = logit_gradient(slope, x, gate, FEATURE)
        grad_similarity = factor * (grad_logit - held_shift - coefficient * held_scale)
        grad_x = slope * gate + grad_similarity * mean + added
        tl.store(grad_x_pointer + here, grad_x.to(grad_x_pointer.dtype.element_ty), mask=inside)
        if y_pointer is not None:
            tl.store(grad_shortcut_pointer + here, slope.to(grad_shortcut_pointer.dtype.element_ty), mask=inside)
