"""Labels below each other that stand as near as they can to where they belong."""

from collections.abc import Sequence

import numpy as np


def spread(wanted: Sequence[float], heights: Sequence[float], *, low: float, high: float) -> list[float]:
    """Move labels apart until none covers another, each as little as it can.

    Of all such places these have the least sum of squared moves. Without the heights it is an isotonic regression,
    which merging neighbours in the wrong order solves.

    Args:
        wanted: Where each label's centre should be, in ascending order.
        heights: Room that each needs.
        low: Where the first may begin.
        high: Where the last may end; beyond it where there is not enough room.

    Returns:
        The centres, in the order of `wanted`.

    >>> spread([5.0, 5.0, 30.0], [10.0, 10.0, 10.0], low=0.0, high=100.0)
    [5.0, 15.0, 30.0]
    >>> spread([50.0, 50.0, 80.0], [10.0, 10.0, 10.0], low=0.0, high=100.0)
    [45.0, 55.0, 80.0]
    """
    if not wanted:
        return []
    # Where each label's lower edge would be if those below it had no height.
    offsets = np.cumsum([0.0, *heights[:-1]])
    edges = np.array(wanted) - np.array(heights) / 2 - offsets
    blocks: list[tuple[float, int]] = []
    for edge in edges.tolist():
        mean, count = edge, 1
        while blocks and blocks[-1][0] > mean:
            other, others = blocks.pop()
            mean, count = (mean * count + other * others) / (count + others), count + others
        blocks.append((mean, count))
    placed = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
    placed = np.clip(placed, low, max(low, high - sum(heights)))
    return [float(centre) for centre in placed + offsets + np.array(heights) / 2]
