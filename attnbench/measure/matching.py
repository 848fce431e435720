"""Matching of detections to objects as COCO's own evaluation does, image by image and class by class.

The best detection chooses first. It takes the free object that it overlaps most, if by as much as the
threshold; an object that counts goes before one that does not, and of equals the last. A crowd can be
taken any number of times, and its overlap is measured as a part of the detection. What hits an object that
does not count, does not count either; nor does what hits nothing and is itself outside the range of areas.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from faster_coco_eval.core import mask as coco_masks
from numpy.typing import NDArray

from attnbench.matches import AREAS, IOU_THRESHOLDS, LARGE_AREA, SMALL_AREA, MatchTable

MOST_DETECTIONS = 100
"""Detections of an image and class that count."""

Shapes: TypeAlias = list[list[float] | dict[str, Any]]
"""Boxes (x, y, width, height), or masks as COCO's run lengths: ``size`` and ``counts``."""

_LIMITS = np.array([[0, 1e5**2], [0, SMALL_AREA], [SMALL_AREA, LARGE_AREA], [LARGE_AREA, 1e5**2]])
_LEAST_OVERLAPS = np.minimum(IOU_THRESHOLDS, 1 - 1e-10)


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Annotated objects of an image."""

    shapes: Shapes
    """Boxes or masks."""
    labels: NDArray[np.int64]
    """Classes (num_objects,)."""
    areas: NDArray[np.float64]
    """Areas as annotated, pixels (num_objects,)."""
    crowds: NDArray[np.bool_]
    """Whether each is a crowd (num_objects,)."""

    def of_class(self, label: int) -> "Objects":
        """Those of one class, in their order."""
        rows = np.flatnonzero(self.labels == label)
        shapes = [self.shapes[row] for row in rows]
        return Objects(shapes=shapes, labels=self.labels[rows], areas=self.areas[rows], crowds=self.crowds[rows])

    def counted(self) -> NDArray[np.bool_]:
        """Whether each counts, by area (4, num_objects)."""
        return np.asarray(within_areas(self.areas).T & ~self.crowds)


@dataclass(frozen=True, kw_only=True)
class Detections:
    """Detections in an image."""

    shapes: Shapes
    """Boxes or masks."""
    labels: NDArray[np.int64]
    """Classes (num_detections,)."""
    areas: NDArray[np.float64]
    """Areas of the boxes or masks, pixels (num_detections,)."""
    scores: NDArray[np.float32]
    """Scores (num_detections,)."""

    def best_of_class(self, label: int) -> "Detections":
        """Those of one class that count, at most `MOST_DETECTIONS`, the best first; equals keep their order."""
        rows = np.flatnonzero(self.labels == label)
        rows = rows[np.argsort(-self.scores[rows], kind="stable")][:MOST_DETECTIONS]
        shapes = [self.shapes[row] for row in rows]
        return Detections(shapes=shapes, labels=self.labels[rows], areas=self.areas[rows], scores=self.scores[rows])


def match_images(detections: Sequence[Detections], objects: Sequence[Objects], *, num_classes: int) -> MatchTable:
    """Match the detections of a split.

    Args:
        detections: Those of each image; labels are 1 to num_classes.
        objects: Those of each image, in the same order.
        num_classes: Classes, without the background.
    """
    num_objects = np.zeros((len(objects), num_classes, len(AREAS)), dtype=np.int64)
    matched: list[tuple[int, Detections, NDArray[np.bool_], NDArray[np.bool_]]] = []
    for image, (detected, annotated) in enumerate(zip(detections, objects, strict=True)):
        for label in np.union1d(detected.labels, annotated.labels).tolist():
            best, of_class = detected.best_of_class(label), annotated.of_class(label)
            num_objects[image, label - 1] = of_class.counted().sum(axis=1)
            matched.append((image, best, *match(best, of_class)))
    none = np.zeros((0, len(AREAS), len(IOU_THRESHOLDS)), dtype=np.bool_)
    return MatchTable(
        num_images=len(objects),
        num_classes=num_classes,
        image=np.repeat([image for image, *_ in matched], [len(best.scores) for _, best, *_ in matched]).astype(
            np.int64
        ),
        label=np.concatenate([np.zeros(0, dtype=np.int64), *(best.labels - 1 for _, best, *_ in matched)]),
        score=np.concatenate([np.zeros(0, dtype=np.float32), *(best.scores for _, best, *_ in matched)]),
        hit=np.concatenate([none, *(hit for *_, hit, _ in matched)]),
        ignored=np.concatenate([none, *(ignored for *_, ignored in matched)]),
        objects=num_objects,
    )


def within_areas(areas: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each area lies in COCO's ranges, both ends included, (num_areas, 4)."""
    return (areas[:, None] >= _LIMITS[:, 0]) & (areas[:, None] <= _LIMITS[:, 1])


def match(detections: Detections, objects: Objects) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each detection of one class hit an object, and whether it is ignored.

    Args:
        detections: The best first.
        objects: Of the same image and class.

    Returns:
        Two arrays by area and threshold (num_detections, 4, 10), as `MatchTable` holds them.
    """
    shape = (len(detections.areas), len(AREAS), len(IOU_THRESHOLDS))
    hit = np.zeros(shape, dtype=np.bool_)
    ignored = np.broadcast_to(~within_areas(detections.areas)[:, :, None], shape).copy()
    if not len(detections.areas) or not len(objects.areas):
        return hit, ignored
    overlaps = coco_masks.iou(detections.shapes, objects.shapes, objects.crowds.astype(int).tolist())
    counted = objects.counted()[:, None]
    taken = np.zeros((*shape[1:], len(objects.areas)), dtype=np.bool_)
    areas, thresholds = np.ix_(range(shape[1]), range(shape[2]))
    # A detection that overlaps nothing enough leaves everything as it was.
    for index in np.flatnonzero(overlaps.max(axis=1) >= _LEAST_OVERLAPS[0]):
        overlap = overlaps[index]
        free = (overlap >= _LEAST_OVERLAPS[:, None]) & (~taken | objects.crowds)
        of_counted, of_others = _last_best(overlap, free & counted), _last_best(overlap, free & ~counted)
        chosen = np.where(of_counted >= 0, of_counted, of_others)
        hit[index] = chosen >= 0
        ignored[index] = np.where(chosen >= 0, of_counted < 0, ignored[index])
        taken[areas, thresholds, chosen] |= chosen >= 0
    return hit, ignored


def _last_best(overlap: NDArray[np.float64], free: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The free object of the greatest overlap, the last of equals, or −1 where none is free (4, 10)."""
    backwards = np.where(free, overlap, -1.0)[..., ::-1]
    best = backwards.shape[-1] - 1 - backwards.argmax(axis=-1)
    return np.where(free.any(axis=-1), best, -1)
