"""Where labels stand beside their points, so that none hides another or what it should name.

Each label may stand in many places around its point. One after the other takes the place that costs least
while the others stay where they are, until none moves any more; the best of several orders wins. Lengths are of
any one unit, and rectangles are written (left, bottom, right, top).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Array = NDArray[np.float64]
_Rectangle = tuple[float, float, float, float]

_ANGLES = np.deg2rad(np.arange(0, 360, 15))
_DISTANCES = np.array([0.6, 1.0, 1.6, 2.4, 3.4, 4.6, 6.0, 8.0])
"""From the point to the label, in heights of a line."""
_NUM_ORDERS = 4
_MOST_PASSES = 12

# What a place costs, in heights of a line by which the label would rather be farther away.
_OUTSIDE = 500.0
_ON_LABEL = 100.0
_ON_POINT = 40.0
_ACROSS_LABEL = 30.0
_ACROSS_POINT = 15.0
_ACROSS_LEADER = 10.0
_ON_LINE = 1.5


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    *,
    line_height: float,
    radius: float,
    bounds: _Rectangle,
    lines: Sequence[_Rectangle] = (),
) -> list[tuple[float, float]]:
    """Find a place for each label.

    Args:
        points: What is labelled, (x, y).
        sizes: Width and height of each label.
        line_height: Height of one line of text, the measure of distances.
        radius: Of the markers at the points, which no label should hide.
        bounds: The rectangle that labels should not leave.
        lines: Thin rectangles that labels should rather not hide.

    Returns:
        The centre of each label.

    >>> [(x, y)] = place_labels([(50, 50)], [(20, 10)], line_height=10, radius=3, bounds=(0, 0, 100, 100))
    >>> print(f"{x - 50:.1f} to the right, {y - 50:.1f} above")
    13.9 to the right, 5.5 above
    """
    if not points:
        return []
    anchors = np.array(points, dtype=np.float64)
    labels = [_Label(anchor, np.array(size), line_height) for anchor, size in zip(anchors, sizes, strict=True)]
    obstacles = _table(np.hstack([anchors - radius, anchors + radius])), _table(lines)
    for label in labels:
        label.add_fixed_costs(*obstacles, np.array(bounds, dtype=np.float64))
    generator = np.random.default_rng(0)
    tried = [_descend(labels, generator.permutation(len(labels))) for _ in range(_NUM_ORDERS)]
    _, best = min(tried, key=lambda result: result[0])
    return [(float(x), float(y)) for x, y in (label.centres[place] for label, place in zip(labels, best, strict=True))]


class _Label:
    """One label and its places: centres (P, 2), boxes (P, 4), the ends of its leaders (P, 2), costs (P,)."""

    def __init__(self, anchor: _Array, size: _Array, line_height: float) -> None:
        self.anchor = anchor
        distances, angles = (grid.ravel() for grid in np.meshgrid(_DISTANCES * line_height, _ANGLES, indexing="ij"))
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        self.centres = anchor + directions * (distances[:, None] + size / 2)
        self.boxes = np.hstack([self.centres - size / 2, self.centres + size / 2])
        self.ends = np.clip(anchor, self.boxes[:, :2], self.boxes[:, 2:])
        self.area = float(size.prod())
        # The right comes first where places are alike, then above.
        preference = 0.1 * (1 - directions[:, 0]) - 0.02 * directions[:, 1]
        self.costs: _Array = np.hypot(*(self.ends - anchor).T) / line_height + preference

    def add_fixed_costs(self, markers: _Array, lines: _Array, bounds: _Array) -> None:
        """Add what does not depend on the other labels."""
        inside = _overlaps(self.boxes, bounds[None])[:, 0]
        others = markers[~((markers[:, :2] <= self.anchor) & (self.anchor <= markers[:, 2:])).all(axis=1)]
        margin = np.array([-0.25, -0.25, 0.25, 0.25]) * (others[:, 2:3] - others[:, :1])
        self.costs = (
            self.costs
            + _OUTSIDE * (1 - inside / self.area)
            + _ON_POINT * (_overlaps(self.boxes, markers) > 0).sum(axis=1)
            + _ON_LINE * (_overlaps(self.boxes, lines) > 0).sum(axis=1)
            + _ACROSS_POINT * _meets_boxes(self.anchor, self.ends, others + margin).sum(axis=1)
        )

    def costs_beside(self, others: Sequence[tuple["_Label", int]]) -> _Array:
        """What each place costs while other labels stand where they are, (P,)."""
        if not others:
            return self.costs
        boxes = np.array([label.boxes[place] for label, place in others])
        starts = np.array([label.anchor for label, _ in others])
        ends = np.array([label.ends[place] for label, place in others])
        hidden = _overlaps(self.boxes, boxes)
        across = _meets_boxes(self.anchor, self.ends, boxes) * 1.0 + _meets_boxes(starts, ends, self.boxes).T
        crossed = _meets_segments(self.anchor, self.ends, starts, ends)
        return np.asarray(
            self.costs
            + (_ON_LABEL * ((hidden > 0) * 0.2 + hidden / self.area) + _ACROSS_LABEL * across).sum(axis=1)
            + _ACROSS_LEADER * crossed.sum(axis=1)
        )


def _descend(labels: Sequence[_Label], order: Sequence[int] | NDArray[np.int64]) -> tuple[float, list[int]]:
    """Let each label take its cheapest place, in this order, until none moves; the cost of all, and the places."""
    places = [int(label.costs.argmin()) for label in labels]
    costs = [0.0] * len(labels)
    for _ in range(_MOST_PASSES):
        before = list(places)
        for index in order:
            others = [(label, places[other]) for other, label in enumerate(labels) if other != index]
            beside = labels[index].costs_beside(others)
            places[index], costs[index] = int(beside.argmin()), float(beside.min())
        if places == before:
            break
    return sum(costs), places


def _table(rectangles: ArrayLike) -> _Array:
    return np.asarray(rectangles, dtype=np.float64).reshape(-1, 4)


def _overlaps(boxes: _Array, others: _Array) -> _Array:
    """Areas that rectangles share, (P, M)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.clip(high - low, 0, None).prod(axis=2))


def _meets_boxes(starts: _Array, ends: _Array, boxes: _Array) -> NDArray[np.bool_]:
    """Whether segments from (2,) or (P, 2) to (P, 2) meet rectangles, (P, M)."""
    origins, steps = np.broadcast_to(starts, ends.shape)[:, None], (ends - starts)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        to_low, to_high = (boxes[None, :, :2] - origins) / steps, (boxes[None, :, 2:] - origins) / steps
    # Along an axis on which a segment does not move, it is inside all the time or never.
    inside = (boxes[None, :, :2] <= origins) & (origins <= boxes[None, :, 2:])
    entered = np.where(steps == 0, np.where(inside, -np.inf, np.inf), np.minimum(to_low, to_high)).max(axis=2)
    left = np.where(steps == 0, np.where(inside, np.inf, -np.inf), np.maximum(to_low, to_high)).min(axis=2)
    return np.asarray(np.maximum(entered, 0) <= np.minimum(left, 1))


def _meets_segments(start: _Array, ends: _Array, starts: _Array, others: _Array) -> NDArray[np.bool_]:
    """Whether the segments from a point (2,) to others (P, 2) cross segments (M, 2) to (M, 2), (P, M)."""

    def side(origin: _Array, end: _Array, point: _Array) -> _Array:
        along, away = end - origin, point - origin
        return np.asarray(along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0])

    own_end, origin, end = ends[:, None], starts[None], others[None]
    apart = side(start, own_end, origin) * side(start, own_end, end) < 0
    return np.asarray(apart & (side(origin, end, start[None, None]) * side(origin, end, own_end) < 0))
