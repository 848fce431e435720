"""The heads of Cascade R-CNN (https://arxiv.org/abs/1712.00726): three stages, each fed by the boxes of the one before.

Stage t classifies its boxes and regresses them, one regression for all classes.
In training, stage 1 sees sampled proposals, and stage t + 1 the boxes that stage t
decoded, without gradient, clipped to the image and without the empty ones; they are
matched anew at the stage's own IoU and not sampled again. The loss is

    Σ_t λ_t · (cross-entropy + Σ smooth-L1 of the boxes of objects / boxes),    λ = 1, 1/2, 1/4

over the boxes of all images together, with β = 1/9 in smooth-L1, which the paper does not say.

In a test, the boxes are those of the last stage and the scores the mean of the three
stages' softmax, each of its own input boxes. The gradient of a stage's crops is
scaled by nothing but its λ.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.detection._utils import Matcher  # type: ignore[import-untyped]
from torchvision.models.detection.faster_rcnn import TwoMLPHead  # type: ignore[import-untyped]
from torchvision.models.detection.roi_heads import RoIHeads  # type: ignore[import-untyped]
from torchvision.ops import (  # type: ignore[import-untyped]
    batched_nms,
    box_iou,
    clip_boxes_to_image,
    remove_small_boxes,
)

from attnbench.detection.boxes import BoxCoder

IOU_THRESHOLDS = (0.5, 0.6, 0.7)
"""IoU with an object from which a box counts as the object, by stage."""

CODE_WEIGHTS = ((10.0, 10.0, 5.0, 5.0), (20.0, 20.0, 10.0, 10.0), (30.0, 30.0, 15.0, 15.0))
"""What codes of boxes are multiplied with, by stage: later stages have smaller corrections to learn."""

LOSS_WEIGHTS = (1.0, 0.5, 0.25)
"""λ, by stage."""

BETA = 1 / 9
"""Where smooth-L1 goes over from a square to a line."""

_NMS_IOU = 0.5
_LEAST_SIDE = 1e-2  # of a box that is not empty, pixels: torchvision's

Maps = OrderedDict[str, torch.Tensor]
Sizes = list[tuple[int, int]]


class CascadeStage(nn.Module):
    """Two fully-connected layers, class scores, and one box for all classes."""

    def __init__(self, in_features: int, width: int, num_outputs: int) -> None:
        super().__init__()
        self.head = TwoMLPHead(in_features, width)
        self.class_logits = nn.Linear(width, num_outputs)
        self.box_codes = nn.Linear(width, 4)

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (R, K + 1) and codes (R, 4) of R crops."""
        features = self.head(crops)
        return self.class_logits(features), self.box_codes(features)


class CascadeHeads(RoIHeads):  # type: ignore[misc]
    """Three stages in place of torchvision's one head."""

    def __init__(
        self,
        pool: nn.Module,
        *,
        in_features: int,
        width: int,
        num_outputs: int,
        regions: int,
        score_threshold: float,
        max_detections: int,
    ) -> None:
        """Make the stages.

        Args:
            pool: Crops regions out of the maps.
            in_features: Values of a crop.
            width: Width of the fully-connected layers.
            num_outputs: Classes with the background.
            regions: Regions of an image that stage 1 samples in training, at most a quarter of them objects.
            score_threshold: Least score of a detection.
            max_detections: Detections of an image.
        """
        super().__init__(
            box_roi_pool=pool,
            box_head=None,
            box_predictor=None,
            fg_iou_thresh=IOU_THRESHOLDS[0],
            bg_iou_thresh=IOU_THRESHOLDS[0],
            batch_size_per_image=regions,
            positive_fraction=0.25,
            bbox_reg_weights=CODE_WEIGHTS[0],
            score_thresh=score_threshold,
            nms_thresh=_NMS_IOU,
            detections_per_img=max_detections,
        )
        self.stages = nn.ModuleList(CascadeStage(in_features, width, num_outputs) for _ in IOU_THRESHOLDS)
        self.coders = [BoxCoder(weights) for weights in CODE_WEIGHTS]
        self.matchers = [Matcher(iou, iou) for iou in IOU_THRESHOLDS]

    def forward(
        self,
        features: Maps,
        proposals: list[torch.Tensor],
        image_shapes: Sizes,
        targets: list[dict[str, torch.Tensor]] | None = None,
    ) -> tuple[list[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
        """Detections of each image in a test, losses of each stage in training."""
        if self.training:
            return [], self._losses(features, proposals, image_shapes, targets)
        return self._detections(features, proposals, image_shapes), {}

    def _losses(
        self,
        maps: Maps,
        proposals: list[torch.Tensor],
        image_sizes: Sizes,
        targets: list[dict[str, torch.Tensor]] | None,
    ) -> dict[str, torch.Tensor]:
        boxes, matched, labels, _ = self.select_training_samples(proposals, targets)
        assert targets is not None
        objects = [target["boxes"].to(boxes[0].dtype) for target in targets]
        losses: dict[str, torch.Tensor] = {}
        for index, (stage, coder, weight) in enumerate(zip(self.stages, self.coders, LOSS_WEIGHTS, strict=True)):
            if index:
                boxes = [kept[remove_small_boxes(kept, _LEAST_SIDE)] for kept in boxes]
                pairs = [
                    _match(kept, of_image, target["labels"], self.matchers[index])
                    for kept, of_image, target in zip(boxes, objects, targets, strict=True)
                ]
                matched, labels = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            logits, codes = stage(self.box_roi_pool(maps, boxes, image_sizes))
            classifier, regression = _stage_losses(logits, codes, boxes, labels, matched, objects, coder)
            losses[f"loss_classifier_{index + 1}"] = weight * classifier
            losses[f"loss_box_reg_{index + 1}"] = weight * regression
            boxes = _decode(coder, codes.detach(), boxes, image_sizes)
        return losses

    def _detections(self, maps: Maps, boxes: list[torch.Tensor], image_sizes: Sizes) -> list[dict[str, torch.Tensor]]:
        num_boxes = [len(of_image) for of_image in boxes]
        scores = []
        for stage, coder in zip(self.stages, self.coders, strict=True):
            logits, codes = stage(self.box_roi_pool(maps, boxes, image_sizes))
            scores.append(logits.softmax(1))
            # All of them are kept, the empty ones too, so that each has a score of every stage.
            boxes = _decode(coder, codes, boxes, image_sizes)
        means = torch.stack(scores).mean(0).split(num_boxes)  # type: ignore[no-untyped-call]
        return [self._best(of_image, mean) for of_image, mean in zip(boxes, means, strict=True)]

    def _best(self, boxes: torch.Tensor, scores: torch.Tensor) -> dict[str, torch.Tensor]:
        """The detections of an image with R boxes and scores (R, K + 1)."""
        index, label = torch.where(scores[:, 1:] > self.score_thresh)
        boxes, scores, labels = boxes[index], scores[index, label + 1], label + 1
        not_empty = remove_small_boxes(boxes, _LEAST_SIDE)
        boxes, scores, labels = boxes[not_empty], scores[not_empty], labels[not_empty]
        kept = batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
        return {"boxes": boxes[kept], "labels": labels[kept], "scores": scores[kept]}


def _decode(coder: BoxCoder, codes: torch.Tensor, boxes: list[torch.Tensor], image_sizes: Sizes) -> list[torch.Tensor]:
    decoded = coder.decode_single(codes, torch.cat(boxes)).split([len(of_image) for of_image in boxes])  # type: ignore[no-untyped-call]
    return [clip_boxes_to_image(of_image, size) for of_image, size in zip(decoded, image_sizes, strict=True)]


def _match(
    boxes: torch.Tensor, objects: torch.Tensor, labels: torch.Tensor, matcher: Matcher
) -> tuple[torch.Tensor, torch.Tensor]:
    """The object that each box is of, and its label; 0, the background, where it is of none."""
    if not len(boxes) or not len(objects):
        nothing = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
        return nothing, nothing
    matched = matcher(box_iou(objects, boxes))
    found = matched >= 0
    matched = matched.clamp(min=0)
    return matched, torch.where(found, labels[matched], 0)


def _stage_losses(
    logits: torch.Tensor,
    codes: torch.Tensor,
    boxes: list[torch.Tensor],
    labels: list[torch.Tensor],
    matched: list[torch.Tensor],
    objects: list[torch.Tensor],
    coder: BoxCoder,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy of all boxes of all images, and smooth-L1 of those of an object, over all of them."""
    label = torch.cat(labels)
    if not len(label):
        return logits.sum() * 0, codes.sum() * 0
    positive = label > 0
    wanted = [
        coder.encode_single(of_image[index[of_label > 0]], box[of_label > 0])
        for of_image, index, of_label, box in zip(objects, matched, labels, boxes, strict=True)
    ]
    regression = functional.smooth_l1_loss(codes[positive], torch.cat(wanted), beta=BETA, reduction="sum")
    return functional.cross_entropy(logits, label), regression / len(label)
