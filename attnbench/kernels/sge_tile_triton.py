"""Spatial group-wise enhancement by kernels that hold a tile on the chip: each map is read once or written once.

A tile is what one image has of one group, or of several neighbouring ones. In memory as N×C×H×W it is one piece, with
the dimensions (groups, channels of a group, positions); channels last it is a run of each position, with the
dimensions (positions, groups, channels of a group). `sge_eager` has the equations. Everything is computed in float32.

A tile is padded to powers of two; there x and the output's gradient are 0, and c − μ is made so.
"""

import triton
import triton.language as tl

from attnbench.kernels import sge_eager
from attnbench.kernels.elements_triton import read, rectify, sigmoid

EPSILON = tl.constexpr(sge_eager.EPSILON)
SMALLEST_VARIANCE = tl.constexpr(sge_eager.SMALLEST_VARIANCE)
DAMPED_BELOW = tl.constexpr(sge_eager.DAMPED_BELOW)


@triton.jit
def locate(
    groups,
    positions,
    FEATURES: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
    FEATURE_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
):
    """What this program works on.

    Where its first element lies in the map, the offsets of a block from there, the positions in the block, which
    channels there are, the groups, which of them there are, and the row of its image in a table (N, G).
    """
    blocks = (groups + GROUP_BLOCK - 1) // GROUP_BLOCK
    # Maps may have more elements than 32 bits count, a tile has not.
    image = (tl.program_id(0) // blocks).to(tl.int64)
    first = tl.program_id(0) % blocks * GROUP_BLOCK
    if CHANNELS_LAST:
        position = tl.arange(0, POSITION_BLOCK)[:, None, None]
        group = tl.arange(0, GROUP_BLOCK)[None, :, None]
        feature = tl.arange(0, FEATURE_BLOCK)[None, None, :]
        start = image * groups * FEATURES * positions + first * FEATURES
        offsets = position * (groups * FEATURES) + (group * FEATURES + feature)
    else:
        group = tl.arange(0, GROUP_BLOCK)[:, None, None]
        feature = tl.arange(0, FEATURE_BLOCK)[None, :, None]
        position = tl.arange(0, POSITION_BLOCK)[None, None, :]
        start = (image * groups + first) * FEATURES * positions
        offsets = (group * FEATURES + feature) * positions + position
    is_group = first + group < groups
    return start, offsets, position, is_group & (feature < FEATURES), first + group, is_group, image * groups


@triton.jit
def divisor_of(positions, OFFICIAL: tl.constexpr):
    """The divisor d of σ_c."""
    return tl.maximum(positions - 1, 1) if OFFICIAL else positions


@triton.jit
def spread(variance, divisor):
    """Give s = σ_c + ε, and s / (σ_c d), which is 0 where the variance is held at its smallest."""
    deviation = tl.sqrt(tl.maximum(variance, SMALLEST_VARIANCE))
    widened = deviation + EPSILON
    return widened, tl.where(variance > SMALLEST_VARIANCE, widened / deviation, 0.0) / divisor


@triton.jit
def standardize(similarity, is_position, positions, POSITION: tl.constexpr, OFFICIAL: tl.constexpr):
    """Give n, and what `spread` gives."""
    centre = tl.sum(similarity, POSITION, keep_dims=True) / positions
    centred = tl.where(is_position, similarity - centre, 0.0)
    divisor = divisor_of(positions, OFFICIAL)
    widened, through = spread(tl.sum(centred * centred, POSITION, keep_dims=True) / divisor, divisor)
    return centred / widened, widened, through


@triton.jit
def damped(gate_scale, widened):
    """The factor w γ/s of the gradient."""
    return gate_scale / widened * tl.minimum(widened / DAMPED_BELOW, 1.0)


@triton.jit
def forward_tile(
    x_pointer,
    shortcut_pointer,
    gate_scale_pointer,
    gate_shift_pointer,
    y_pointer,
    GROUPS: tl.constexpr,
    POSITIONS: tl.constexpr,
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
    start, offsets, position, is_channel, group, is_group, _ = locate(
        GROUPS, POSITIONS, FEATURES, GROUP_BLOCK, FEATURE_BLOCK, POSITION_BLOCK, CHANNELS_LAST
    )
    is_position = position < POSITIONS
    inside = is_position & is_channel
    x = read(x_pointer + start + offsets, inside)
    if shortcut_pointer is not None:
        # Not where it is needed: the more is on its way at once, the faster it comes.
        shortcut = tl.load(shortcut_pointer + start + offsets, mask=inside, other=0.0)
    mean = tl.sum(x, POSITION, keep_dims=True) / POSITIONS
    coefficient = tl.sum(x * mean, FEATURE, keep_dims=True)
    if NORMALIZE:
        coefficient, _, _ = standardize(coefficient, is_position, POSITIONS, POSITION, OFFICIAL)
    gate = sigmoid(
        read(gate_scale_pointer + group, is_group) * coefficient + read(gate_shift_pointer + group, is_group)
    )
    y = x * gate
    if shortcut_pointer is not None:
        y = rectify(y + shortcut.to(tl.float32))
    tl.store(y_pointer + start + offsets, y.to(y_pointer.dtype.element_ty), mask=inside)


@triton.jit
def backward_tile(
    grad_output_pointer,
    x_pointer,
    y_pointer,
    gate_scale_pointer,
    gate_shift_pointer,
    grad_x_pointer,
    grad_shortcut_pointer,
    grad_scale_pointer,
    grad_shift_pointer,
    GROUPS: tl.constexpr,
    POSITIONS: tl.constexpr,
    FEATURES: tl.constexpr,
    GROUP_BLOCK: tl.constexpr,
    FEATURE_BLOCK: tl.constexpr,
    POSITION_BLOCK: tl.constexpr,
    CHANNELS_LAST: tl.constexpr,
    NORMALIZE: tl.constexpr,
    OFFICIAL: tl.constexpr,
):
    """The gradients of x and, given y, the shortcut; and (N, G) each image's part in those of γ and β."""
    POSITION: tl.constexpr = 0 if CHANNELS_LAST else 2
    FEATURE: tl.constexpr = 2 if CHANNELS_LAST else 1
    start, offsets, position, is_channel, group, is_group, row = locate(
        GROUPS, POSITIONS, FEATURES, GROUP_BLOCK, FEATURE_BLOCK, POSITION_BLOCK, CHANNELS_LAST
    )
    is_position = position < POSITIONS
    inside = is_position & is_channel
    x = read(x_pointer + start + offsets, inside)
    slope = read(grad_output_pointer + start + offsets, inside)
    if y_pointer is not None:
        slope = tl.where(read(y_pointer + start + offsets, inside) <= 0, 0.0, slope)
        tl.store(grad_shortcut_pointer + start + offsets, slope.to(grad_shortcut_pointer.dtype.element_ty), mask=inside)
    mean = tl.sum(x, POSITION, keep_dims=True) / POSITIONS
    coefficient = tl.sum(x * mean, FEATURE, keep_dims=True)
    if NORMALIZE:
        coefficient, widened, through = standardize(coefficient, is_position, POSITIONS, POSITION, OFFICIAL)
    gate_scale = read(gate_scale_pointer + group, is_group)
    gate = sigmoid(gate_scale * coefficient + read(gate_shift_pointer + group, is_group))
    grad_logit = tl.sum(slope * x, FEATURE, keep_dims=True) * (gate * (1 - gate))
    grad_shift = tl.sum(grad_logit, POSITION, keep_dims=True)
    grad_scale = tl.sum(grad_logit * coefficient, POSITION, keep_dims=True)
    tl.store(grad_scale_pointer + row + group, grad_scale, mask=is_group)
    tl.store(grad_shift_pointer + row + group, grad_shift, mask=is_group)
    if NORMALIZE:
        centred = grad_logit - grad_shift / POSITIONS - coefficient * (through * grad_scale)
        grad_similarity = centred * damped(gate_scale, widened)
    else:
        grad_similarity = grad_logit * gate_scale
    grad_mean = tl.sum(x * grad_similarity, POSITION, keep_dims=True)
    grad_x = slope * gate + grad_similarity * mean + grad_mean / POSITIONS
    tl.store(grad_x_pointer + start + offsets, grad_x.to(grad_x_pointer.dtype.element_ty), mask=inside)
