"""How the kernels of spatial group-wise enhancement go over a map."""

from dataclasses import dataclass
from functools import cache

import triton

from attnbench.kernels.layout import SECTOR_BYTES

_WARP_ELEMENTS = 64 * 32
"""What one warp holds of one map: 64 values a thread, of 255 registers at most."""
_HELD_ELEMENTS = 16 * _WARP_ELEMENTS
"""What 16 warps hold of one map; each thread then has 128 registers."""
_PASS_ELEMENTS = 16 * 32 * 16
"""A block of a tile that is not held: 16 values a thread of 16 warps, beside as many sums."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one program of a kernel works on; blocks are powers of two."""

    holds_tile: bool
    """Whether a tile is held on the chip, or gone over several times."""
    group_block: int
    """Neighbouring groups of a tile."""
    feature_block: int
    """Channels of a group."""
    position_block: int
    """Positions at a time."""
    num_warps: int
    """Warps of 32 threads."""


@cache
def plan_kernel(
    *,
    channels: int,
    groups: int,
    positions: int,
    element_bytes: int,
    channels_last: bool,
    backward: bool,
    ends_block: bool,
) -> Plan:
    """Choose blocks so that nothing spills into memory, and that much is on its way from memory at a time.

    Args:
        channels: C.
        groups: G.
        positions: H·W.
        element_bytes: Of one value of the map.
        channels_last: Whether the map lies in memory as N×H×W×C, or as N×C×H×W.
        backward: Whether it is the kernel of the gradients.
        ends_block: Whether it has a shortcut.
    """
    features = channels // groups
    feature_block, position_block = triton.next_power_of_2(features), triton.next_power_of_2(positions)
    # Beside a position's values stands what is computed for it, which is as much in a group of one or two channels.
    values = max(feature_block, 4 if backward else 2)
    tile = values * position_block
    run_bytes = features * element_bytes
    fewest = triton.cdiv(SECTOR_BYTES, run_bytes) if channels_last else 1
    group_block = min(triton.next_power_of_2(max(fewest, _WARP_ELEMENTS // tile)), triton.next_power_of_2(groups))
    most = _HELD_ELEMENTS // (2 if backward or ends_block else 1)
    # Half a sector at a time costs less than further passes.
    halved = group_block // 2 if channels_last and group_block // 2 * run_bytes * 2 >= SECTOR_BYTES else group_block
    for held in (group_block, halved):
        if held * tile <= most:
            return Plan(
                holds_tile=True,
                group_block=held,
                feature_block=feature_block,
                position_block=position_block,
                num_warps=_warps(held * tile, backward=backward),
            )
    return Plan(
        holds_tile=False,
        group_block=group_block,
        feature_block=feature_block,
        position_block=max(_PASS_ELEMENTS // (group_block * max(feature_block, 2)), 1),
        num_warps=16,
    )


def _warps(elements: int, *, backward: bool) -> int:
    """As few as hold the tile: the fewer there are, the less they wait for each other."""
    warps = max(elements // _WARP_ELEMENTS, 1)
    # Few large programs fit on a multiprocessor, whatever they hold; more warps then hide more waiting.
    return 2 * warps if backward and warps > 4 else warps
