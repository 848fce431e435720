"""Faster R-CNN (https://arxiv.org/abs/1506.01497) on a feature pyramid (https://arxiv.org/abs/1612.03144).

torchvision's own class: anchors of one scale and three aspect ratios a level, a
fifth level by subsampling for the proposals alone, 7×7 crops, two fully-connected
layers. Box losses are smooth-L1 with β = 1/9, as in torchvision.
"""

from typing import Any

from torch import nn
from torchvision.models.detection import FasterRCNN  # type: ignore[import-untyped]
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead  # type: ignore[import-untyped]
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool  # type: ignore[import-untyped]

from attnbench.detection.body import Body
from attnbench.detection.boxes import BoxCoder, anchors_of, answer_precisely, region_pool
from attnbench.detection.pyramid import Pyramid
from attnbench.detection.registration import check_fraction, check_positive, register_detector

POOLED = 7
"""Side of the crop that the box head sees, positions."""


@register_detector("faster-rcnn", has_masks=False)
def faster_rcnn(
    body: Body,
    *,
    num_classes: int,
    short_side: int,
    long_side: int,
    pyramid_channels: int = 256,
    first_stage: int = 1,
    anchor_size: int = 32,
    proposals: int = 1000,
    regions: int = 512,
    head_width: int = 1024,
    score_threshold: float = 0.05,
    max_detections: int = 100,
) -> nn.Module:
    """Proposals from every level, each classified and refined once.

    Args:
        body: The backbone's body.
        num_classes: Classes without the background.
        short_side: Pixels that an image's shorter side is resized to …
        long_side: … unless its longer side would have more than this.
        pyramid_channels: Channels of the pyramid.
        first_stage: The body's stage that the finest level stands on.
        anchor_size: Side of the finest level's anchors, pixels; doubled at each coarser level.
        proposals: Proposals that are kept of an image; twice as many in training.
        regions: Regions of an image that are sampled in training, at most a quarter of them objects.
        head_width: Width of the fully-connected layers.
        score_threshold: Least score of a detection.
        max_detections: Detections of an image.

    Raises:
        SpecError: If a setting is out of range.
    """
    pyramid = pooled_pyramid(body, pyramid_channels, first_stage)
    check_positive(regions=regions, head_width=head_width, max_detections=max_detections)
    check_fraction(score_threshold=score_threshold)
    model = FasterRCNN(
        pyramid,
        **shared_settings(pyramid, short_side, long_side, anchor_size, proposals),
        box_roi_pool=region_pool(pyramid, POOLED),
        box_head=TwoMLPHead(pyramid_channels * POOLED**2, head_width),
        box_predictor=FastRCNNPredictor(head_width, num_classes + 1),
        box_batch_size_per_image=regions,
        box_score_thresh=score_threshold,
        box_detections_per_img=max_detections,
    )
    return with_precise_boxes(model, model.roi_heads.box_predictor)


def pooled_pyramid(body: Body, channels: int, first_stage: int) -> Pyramid:
    """The pyramid of the R-CNNs, whose one coarser level is the last one subsampled."""
    return Pyramid(body, channels=channels, first_stage=first_stage, coarser=lambda *_: LastLevelMaxPool())


def shared_settings(
    pyramid: Pyramid, short_side: int, long_side: int, anchor_size: int, proposals: int
) -> dict[str, Any]:
    """What torchvision's R-CNNs are made with alike: resizing, anchors and proposals.

    Raises:
        SpecError: If a setting is out of range.
    """
    check_positive(anchor_size=anchor_size, proposals=proposals)
    return {
        "min_size": short_side,
        "max_size": long_side,
        "rpn_anchor_generator": anchors_of(len(pyramid.levels) + 1, anchor_size),
        "rpn_pre_nms_top_n_train": 2 * proposals,
        "rpn_post_nms_top_n_train": 2 * proposals,
        "rpn_pre_nms_top_n_test": proposals,
        "rpn_post_nms_top_n_test": proposals,
    }


def with_precise_boxes(model: Any, *heads: nn.Module) -> nn.Module:
    """An R-CNN whose boxes, scores and losses are of single precision.

    Args:
        model: The R-CNN, whose box coders are replaced.
        heads: Heads of its regions.
    """
    for part in (model.rpn, model.roi_heads):
        part.box_coder = BoxCoder(part.box_coder.weights)
    answer_precisely(model.rpn.head, *heads)
    made: nn.Module = model
    return made
