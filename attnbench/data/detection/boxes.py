"""Boxes as they are annotated, and as they are trained on."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# A thinner box could vanish where it is computed with in 32 bits.
_LEAST_SIDE = 1 / 64
# Annotators round: no more than this beyond the border is no fault.
_TOLERANCE = 0.5


def check_box(
    box: Sequence[float | None] | None, height: int, width: int
) -> tuple[NDArray[np.float64] | None, str | None]:
    """Hold an annotated box to its image.

    Args:
        box: x, y, width and height, pixels.
        height: Height of the image.
        width: Width of the image.

    Returns:
        x0, y0, x1, y1 (4,), or none where the object is to be left out; and the fault's name in `FAULTS`, if any.
    """
    numbers = [number for number in box or [] if number is not None and math.isfinite(number)]
    if box is None or len(box) != 4 or len(numbers) != 4:
        return None, "not_finite_box"
    x, y, box_width, box_height = numbers
    if min(box_width, box_height) < _LEAST_SIDE:
        return None, "empty_box"
    corners = np.array([x, y, x + box_width, y + box_height])
    inside = clip_boxes(corners[None], height, width)[0]
    if (inside[2:] - inside[:2]).min() < _LEAST_SIDE:
        return None, "outside_box"
    return corners, "clipped_box" if np.abs(inside - corners).max() > _TOLERANCE else None


def clip_boxes(boxes: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """Boxes cut off at the image's border.

    Args:
        boxes: x0, y0, x1, y1 (num_boxes, 4).
        height: Height of the image.
        width: Width of the image.
    """
    clipped: NDArray[np.float64] = np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float64))
    return clipped
