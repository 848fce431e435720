"""Average precision as COCO computes it, of a test split and of images drawn from it.

The detections of a class are put in order of their scores. After k of them, of which t hit an object
and o objects there are, precision is t/k and recall t/o; precision counts as the best at that recall or
a higher one, and is averaged over the recalls 0, 0.01 … 1. T.-Y. Lin et al.: "Microsoft COCO: Common
Objects in Context" (2014), https://arxiv.org/abs/1405.0312, and the code that came with it.

An image that is drawn w times is w images: each of its detections and objects counts w times.
Copies of a detection stand beside each other, and what lies between them changes no AP. Only where
several detections of *one* image and class have the same score do the copies of each stand together,
where w images would take turns.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from attnbench.matches import AREAS, IOU_THRESHOLDS, MatchTable

RECALLS = np.linspace(0.0, 1.0, 101)
"""Recalls over which precision is averaged."""
FIGURES: tuple[str, ...] = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
"""COCO's figures: AP over all thresholds, at 0.5, at 0.75, and over all thresholds by area."""

_AT_ONCE = 4_000_000
"""Drawn detections of one class that are held at once: 32 MB for each array of them."""


def resampled_figures(table: MatchTable, weights: NDArray[np.int64]) -> NDArray[np.float64]:
    """The six figures of each drawing of images, in percent, (num_drawings, 6); nan where no object counts.

    Args:
        table: What became of each detection.
        weights: How often each image is drawn, (num_drawings, num_images).
    """
    order = np.lexsort((-table.score, table.label))
    ends = np.searchsorted(table.label[order], np.arange(table.num_classes + 1))
    classes = [order[start:end] for start, end in itertools.pairwise(ends)]
    step = max(1, _AT_ONCE // max(1, *np.diff(ends)))
    parts = [weights[start : start + step] for start in range(0, len(weights), step)]
    return np.concatenate([_figures(table, classes, part.astype(np.int32)) for part in parts])


def precision_curve(table: MatchTable, iou: float) -> NDArray[np.float64]:
    """Precision at each of `RECALLS`, in percent: the mean over the classes that have objects; nan where none has.

    The mean of the curve is the AP of the threshold.

    Args:
        table: What became of each detection.
        iou: One of `IOU_THRESHOLDS`.
    """
    threshold = int(np.flatnonzero(np.isclose(IOU_THRESHOLDS, iou)).item())
    order = np.lexsort((-table.score, table.label))
    curves: list[NDArray[np.float64]] = [np.empty((0, len(RECALLS)))]
    for label in range(table.num_classes):
        num_objects = int(table.objects[:, label, 0].sum())
        own = order[(table.label[order] == label) & ~table.ignored[order, 0, threshold]]
        num_hits = table.hit[own, 0, threshold].cumsum()
        precision = num_hits / (np.arange(len(own)) + 1 + np.spacing(1))
        # At a recall that is not reached, precision is 0.
        best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        if num_objects:
            curves.append(best[np.searchsorted(num_hits / num_objects, RECALLS)][None])
    found = np.concatenate(curves)
    return 100 * found.mean(axis=0) if len(found) else np.full(len(RECALLS), np.nan)


def _figures(table: MatchTable, classes: list[NDArray[np.int64]], weights: NDArray[np.int32]) -> NDArray[np.float64]:
    """The six figures of some drawings, from the detections of each class in order of their scores."""
    summed = np.zeros((len(weights), len(AREAS), len(IOU_THRESHOLDS)))
    num_classes = np.zeros((len(weights), len(AREAS)))
    for label, detections in enumerate(classes):
        num_objects = weights @ table.objects[:, label]
        for area in range(len(AREAS)):
            hit, counts = table.hit[detections, area], ~table.ignored[detections, area]
            images = table.image[detections]
            summed[:, area] += _class_precisions(images, hit & counts, counts, weights, num_objects[:, area])
        num_classes += num_objects > 0
    with np.errstate(invalid="ignore"):
        by_threshold = 100 * summed / num_classes[..., None]
    over_all = by_threshold.mean(axis=-1)
    ap50, ap75 = (by_threshold[:, 0, [0, 5]]).T
    return np.column_stack([over_all[:, 0], ap50, ap75, over_all[:, 1:]])


def _class_precisions(
    images: NDArray[np.int64],
    hit: NDArray[np.bool_],
    counts: NDArray[np.bool_],
    weights: NDArray[np.int32],
    num_objects: NDArray[np.int64],
) -> NDArray[np.float64]:
    """AP of one class and area in each drawing, by threshold (num_drawings, 10).

    Precision is highest where an object was just hit, so only those places are looked at.

    Args:
        images: Of each detection, the best first, its image (num_detections,).
        hit: Whether it hit an object that counts, by threshold (num_detections, 10).
        counts: Whether it counts at all, likewise.
        weights: How often each image is drawn (num_drawings, num_images).
        num_objects: Objects that count in each drawing (num_drawings,).
    """
    precisions = np.zeros((len(weights), hit.shape[1]))
    # What follows the last hit lowers nothing.
    length = np.flatnonzero(hit.any(axis=1)).max(initial=-1) + 1
    last_counted: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    num_detections: NDArray[np.int32] = np.empty((len(weights), 0), dtype=np.int32)
    for threshold in range(hit.shape[1]):
        counted = np.flatnonzero(counts[:length, threshold])
        hits = np.flatnonzero(hit[counted, threshold])
        if not len(hits):
            continue
        # Without crowds and limits of area, all thresholds count the same detections.
        if not np.array_equal(counted, last_counted):
            num_detections = np.take(weights, images[counted], axis=1).cumsum(axis=1, dtype=np.int32)
            last_counted = counted
        num_hits = np.take(weights, images[counted[hits]], axis=1).cumsum(axis=1, dtype=np.int32)
        precision = num_hits / (num_detections[:, hits] + np.spacing(1))
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        recall = num_hits / np.maximum(num_objects, 1)[:, None]
        num_recalls = np.diff(np.searchsorted(RECALLS, recall, side="right"), axis=1, prepend=0)
        precisions[:, threshold] = (best * num_recalls).sum(axis=1) / len(RECALLS)
    return precisions
