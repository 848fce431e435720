"""Segmentations as COCO writes them, polygons or run lengths, and the masks that they stand for."""

import math
from typing import TypeAlias

import msgspec
import numpy as np
from faster_coco_eval.core import mask as coco_masks
from numpy.typing import NDArray

from attnbench.store import JSON_DAMAGE


class RunLengths(msgspec.Struct):
    """A mask column by column: lengths of runs of 0 and 1 in turn, as numbers or in COCO's compressed text."""

    size: tuple[int, int]
    counts: list[int] | str


Segmentation: TypeAlias = list[list[float]] | RunLengths | None

_DECODER = msgspec.json.Decoder(Segmentation)
# COCO's text holds 5 bits a character, from this one on, and a 6th that says whether more follow.
_FIRST_CHARACTER = 48


def parse_segmentation(content: bytes, height: int, width: int) -> Segmentation:
    """Read a segmentation from JSON.

    Args:
        content: The JSON.
        height: Height of its image.
        width: Width of its image.

    Returns:
        The segmentation; none where it is missing or does not fit the image.
    """
    try:
        segmentation: Segmentation = _DECODER.decode(content)
    except JSON_DAMAGE:
        return None
    if isinstance(segmentation, RunLengths):
        return segmentation if _fits(segmentation, height, width) else None
    if not segmentation or not all(_is_polygon(polygon, max(height, width)) for polygon in segmentation):
        return None
    return segmentation


def draw_mask(segmentation: Segmentation, box: NDArray[np.float64], height: int, width: int) -> NDArray[np.uint8]:
    """The mask of an object.

    Args:
        segmentation: A valid segmentation, or none to fill the box.
        box: x0, y0, x1, y1 in pixels.
        height: Height of the image.
        width: Width of the image.

    Returns:
        1 where the object is, else 0 (height, width).
    """
    if isinstance(segmentation, RunLengths):
        counts = segmentation.counts
        runs = {"size": [height, width], "counts": counts.encode() if isinstance(counts, str) else counts}
        if isinstance(counts, list):
            runs = coco_masks.frPyObjects(runs, height, width)
    else:
        x0, y0, x1, y1 = np.clip(box, 0, [width, height, width, height]).tolist()
        polygons = segmentation or [[x0, y0, x1, y0, x1, y1, x0, y1]]
        runs = coco_masks.merge(coco_masks.frPyObjects(polygons, height, width))
    mask: NDArray[np.uint8] = coco_masks.decode(runs)
    return mask


def encode_mask(mask: NDArray[np.bool_]) -> RunLengths:
    """Run lengths of a mask, in COCO's compressed text.

    Args:
        mask: The mask (H, W).
    """
    runs = coco_masks.encode(np.asfortranarray(mask, dtype=np.uint8))
    return RunLengths(size=(mask.shape[0], mask.shape[1]), counts=runs["counts"].decode())


def decompressed(text: str) -> NDArray[np.int64]:
    """The run lengths in COCO's compressed text.

    Raises:
        ValueError: If it is no such text.
    """
    values = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - _FIRST_CHARACTER
    if len(values) == 0 or values.min() < 0 or values.max() >= 64 or values[-1] & 32:
        raise ValueError(f"no compressed run lengths: {text[:20]!r}")
    ends = np.flatnonzero(~values & 32)
    starts = np.concatenate([[0], ends[:-1] + 1])
    digits = ends - starts + 1
    if digits.max() > 7:
        raise ValueError(f"a run length is too large: {text[:20]!r}")
    shifts = 5 * (np.arange(len(values)) - np.repeat(starts, digits))
    numbers = np.add.reduceat((values & 31) << shifts, starts)
    numbers -= np.where(values[ends] & 16, np.int64(1) << (5 * digits), 0)
    # From the fourth on, a number is the difference to the last but one.
    numbers[1::2] = np.cumsum(numbers[1::2])
    numbers[2::2] = np.cumsum(numbers[2::2])
    return numbers


def _fits(runs: RunLengths, height: int, width: int) -> bool:
    try:
        lengths = decompressed(runs.counts) if isinstance(runs.counts, str) else np.asarray(runs.counts, dtype=np.int64)
    except (ValueError, OverflowError):
        return False
    # Each by itself too: a sum of 64 bits may begin anew at zero.
    return (
        runs.size == (height, width)
        and bool(((lengths >= 0) & (lengths <= height * width)).all())
        and len(lengths) <= height * width + 1
        and int(lengths.sum()) == height * width
    )


def _is_polygon(polygon: list[float], longest_side: int) -> bool:
    # One that reaches far beyond the image is damaged, and would take long to draw.
    return (
        len(polygon) >= 6
        and len(polygon) % 2 == 0
        and math.isfinite(sum(polygon))
        and min(polygon) >= -longest_side
        and max(polygon) <= 2 * longest_side
    )
