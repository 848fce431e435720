"""COCO's average precision of a detector, and what became of each of its detections.

The figures are torchmetrics', with faster_coco_eval behind them. It is given COCO's own thresholds:
torchmetrics' are rounded to float32, which decides where an overlap or a recall equals one. The table of
matches is made beside it, from the same boxes and masks, and gives the same figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from faster_coco_eval.core import mask as coco_masks
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.detection import MeanAveragePrecision

from attnbench.detection_record import AveragePrecisions
from attnbench.errors import DataError
from attnbench.matches import IOU_THRESHOLDS, MatchTable
from attnbench.measure.matching import Detections, Objects, Shapes, match_images
from attnbench.ranks import gathered, leads

_BOX_STATES: tuple[str, ...] = (
    "detection_box",
    "detection_scores",
    "detection_labels",
    "groundtruth_box",
    "groundtruth_labels",
    "groundtruth_crowds",
    "groundtruth_area",
)
_MASK_STATES = ("detection_mask", "groundtruth_mask")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """A detector's figures on a split, and the matches that they follow from."""

    box: AveragePrecisions
    """Of boxes."""
    mask: AveragePrecisions | None
    """Of masks; none for a detector without."""
    box_matches: MatchTable
    """What became of each box."""
    mask_matches: MatchTable | None
    """What became of each mask; none for a detector without."""


class Evaluation:
    """Gathers a detector's predictions on a split, image by image; masks are held as run lengths.

    Args:
        num_classes: Classes, without the background; their labels are 1 to num_classes.
        has_masks: Whether predictions and targets hold masks.
    """

    def __init__(self, *, num_classes: int, has_masks: bool) -> None:
        self.num_classes = num_classes
        self.has_masks = has_masks
        self._image_ids: list[int] = []
        self._states = _BOX_STATES + (_MASK_STATES if has_masks else ())
        self._metric = MeanAveragePrecision(
            iou_type=("bbox", "segm") if has_masks else "bbox",
            iou_thresholds=list(IOU_THRESHOLDS),
            rec_thresholds=np.linspace(0.0, 1.0, 101).tolist(),
            backend="faster_coco_eval",
            sync_on_compute=False,
        )
        self._metric.warn_on_many_detections = False

    def update(self, predictions: Sequence[dict[str, Tensor]], targets: Sequence[dict[str, Any]]) -> None:
        """Take in a batch.

        Args:
            predictions: Of each image ``boxes``, ``labels``, ``scores``, and ``masks`` of probabilities (n, 1, H, W).
            targets: Of each image ``boxes``, ``labels``, ``area``, ``iscrowd``, ``image_id``, and ``masks`` (n, H, W).
        """
        self._metric.update([self._prediction(item) for item in predictions], [self._target(item) for item in targets])
        self._image_ids += [int(target["image_id"]) for target in targets]

    def gather(self) -> None:
        """Give rank zero what all ranks took in, and leave the others with nothing: it alone can compute."""
        parts = gathered([self._image_ids, *(getattr(self._metric, name) for name in self._states)])
        kept = parts if leads() else [[[] for _ in part] for part in parts]
        self._image_ids, *states = (
            [item for of_rank in state for item in of_rank] for state in zip(*kept, strict=True)
        )
        for name, state in zip(self._states, states, strict=True):
            setattr(self._metric, name, state)

    def compute(self) -> Scored:
        """Score all images that were taken in.

        Raises:
            DataError: If no object of theirs counts, or an image was taken in twice.
        """
        if len(set(self._image_ids)) < len(self._image_ids):
            raise DataError(f"each image is scored once; got {len(self._image_ids)} of {len(set(self._image_ids))}")
        self._sort()
        box_matches = self._matches("box")
        if not box_matches.objects.any():
            raise DataError(f"no object to detect in {box_matches.num_images} images, so there is no average precision")
        values = {name: float(value) for name, value in self._metric.compute().items() if value.numel() == 1}
        return Scored(
            box=_figures(values, "bbox_" if self.has_masks else ""),
            mask=_figures(values, "segm_") if self.has_masks else None,
            box_matches=box_matches,
            mask_matches=self._matches("mask") if self.has_masks else None,
        )

    def _prediction(self, item: dict[str, Tensor]) -> dict[str, Tensor]:
        kept = {name: item[name].detach().cpu() for name in ("boxes", "scores", "labels")}
        if self.has_masks:
            kept["masks"] = (item["masks"].detach()[:, 0] > 0.5).to(torch.uint8)
        return kept

    def _target(self, item: dict[str, Any]) -> dict[str, Tensor]:
        kept: dict[str, Tensor] = {name: item[name].cpu() for name in ("boxes", "labels", "iscrowd")}
        # torchmetrics takes an area of 0 for one that is not known, and would put the box's in its place.
        kept["area"] = item["area"].cpu().clamp(min=torch.finfo(torch.float32).tiny)
        if self.has_masks:
            kept["masks"] = item["masks"].to(torch.uint8)
        return kept

    def _sort(self) -> None:
        """Put the images in order of their ids, in which COCO ranks detections of equal scores."""
        order = np.argsort(self._image_ids, kind="stable")
        for name in self._states:
            state = getattr(self._metric, name)
            setattr(self._metric, name, [state[index] for index in order])
        self._image_ids = [self._image_ids[index] for index in order]

    def _matches(self, kind: Literal["box", "mask"]) -> MatchTable:
        detected, annotated = getattr(self._metric, f"detection_{kind}"), getattr(self._metric, f"groundtruth_{kind}")
        metric, images = self._metric, range(len(self._image_ids))
        detections = [
            Detections(
                shapes=_shapes(detected[image]),
                labels=metric.detection_labels[image].numpy(),
                areas=_areas(detected[image]),
                scores=metric.detection_scores[image].numpy(),
            )
            for image in images
        ]
        objects = [
            Objects(
                shapes=_shapes(annotated[image]),
                labels=metric.groundtruth_labels[image].numpy(),
                areas=metric.groundtruth_area[image].numpy().astype(np.float64),
                crowds=metric.groundtruth_crowds[image].numpy().astype(np.bool_),
            )
            for image in images
        ]
        return match_images(detections, objects, num_classes=self.num_classes)


def _shapes(state: Any) -> Shapes:
    """Boxes or masks of an image, from how torchmetrics holds them: a tensor, or run lengths."""
    if isinstance(state, Tensor):
        return [[float(number) for number in box] for box in state.tolist()]
    return [{"size": list(size), "counts": counts} for size, counts in state]


def _areas(state: Any) -> NDArray[np.float64]:
    if isinstance(state, Tensor):
        boxes = state.numpy().astype(np.float64).reshape(-1, 4)
        return np.asarray(boxes[:, 2] * boxes[:, 3])
    return np.array([coco_masks.area(shape) for shape in _shapes(state)], dtype=np.float64)


def _figures(values: dict[str, float], prefix: str) -> AveragePrecisions:
    """The figures in percent, of torchmetrics' fractions."""

    def percent(name: str) -> float:
        return 100 * values[prefix + name]

    def percent_or_none(name: str) -> float | None:
        # COCO writes -1 where no object is of that area.
        return percent(name) if values[prefix + name] >= 0 else None

    return AveragePrecisions(
        ap_percent=percent("map"),
        ap50_percent=percent("map_50"),
        ap75_percent=percent("map_75"),
        ap_small_percent=percent_or_none("map_small"),
        ap_medium_percent=percent_or_none("map_medium"),
        ap_large_percent=percent_or_none("map_large"),
    )
