"""What a detector found of a test split: objects that were hit, and detections that hit nothing."""

from dataclasses import dataclass

import numpy as np

from attnbench.matches import AREAS, IOU_THRESHOLDS, MatchTable


@dataclass(frozen=True, kw_only=True)
class Found:
    """The objects of one range of areas, and the detections that were held against them."""

    area: str
    """One of `AREAS`."""
    iou: float
    """Threshold from which a detection hits an object."""
    num_objects: int
    """Objects that count."""
    num_hits: int
    """Of them, how many were hit, by a detection of whatever score."""
    num_false: int
    """Detections that hit none and count against the detector."""


def found_of(table: MatchTable, iou: float) -> tuple[Found, ...]:
    """What was found, in the order of `AREAS`.

    Args:
        table: What became of each detection.
        iou: One of `IOU_THRESHOLDS`.
    """
    threshold = int(np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou)).item())
    counts = ~table.ignored[:, :, threshold]
    hits = (table.hit[:, :, threshold] & counts).sum(axis=0).tolist()
    objects = table.objects.sum(axis=(0, 1)).tolist()
    return tuple(
        Found(area=area, iou=iou, num_objects=num_objects, num_hits=num_hits, num_false=num_counted - num_hits)
        for area, num_objects, num_hits, num_counted in zip(
            AREAS, objects, hits, counts.sum(axis=0).tolist(), strict=True
        )
    )
