"""Mask R-CNN (https://arxiv.org/abs/1703.06870) on a feature pyramid: torchvision's own class.

Faster R-CNN with a second head on 14×14 crops, which gives a mask of 28×28 for each class.
"""

from torch import nn
from torchvision.models.detection import MaskRCNN  # type: ignore[import-untyped]
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead  # type: ignore[import-untyped]
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor  # type: ignore[import-untyped]

from attnbench.detection.body import Body
from attnbench.detection.boxes import region_pool
from attnbench.detection.faster import POOLED, pooled_pyramid, shared_settings, with_precise_boxes
from attnbench.detection.registration import check_fraction, check_positive, register_detector

MASK_POOLED = 14
"""Side of the crop that the mask head sees, positions."""


@register_detector("mask-rcnn", has_masks=True)
def mask_rcnn(
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
    mask_channels: int = 256,
    mask_convolutions: int = 4,
    score_threshold: float = 0.05,
    max_detections: int = 100,
) -> nn.Module:
    """Faster R-CNN with a mask for each box.

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
        head_width: Width of the box head's fully-connected layers.
        mask_channels: Channels of the mask head.
        mask_convolutions: 3×3 convolutions of the mask head.
        score_threshold: Least score of a detection.
        max_detections: Detections of an image.

    Raises:
        SpecError: If a setting is out of range.
    """
    pyramid = pooled_pyramid(body, pyramid_channels, first_stage)
    check_positive(regions=regions, head_width=head_width, max_detections=max_detections)
    check_positive(mask_channels=mask_channels, mask_convolutions=mask_convolutions)
    check_fraction(score_threshold=score_threshold)
    model = MaskRCNN(
        pyramid,
        **shared_settings(pyramid, short_side, long_side, anchor_size, proposals),
        box_roi_pool=region_pool(pyramid, POOLED),
        box_head=TwoMLPHead(pyramid_channels * POOLED**2, head_width),
        box_predictor=FastRCNNPredictor(head_width, num_classes + 1),
        box_batch_size_per_image=regions,
        box_score_thresh=score_threshold,
        box_detections_per_img=max_detections,
        mask_roi_pool=region_pool(pyramid, MASK_POOLED),
        mask_head=MaskRCNNHeads(pyramid_channels, (mask_channels,) * mask_convolutions, 1),
        mask_predictor=MaskRCNNPredictor(mask_channels, mask_channels, num_classes + 1),
    )
    return with_precise_boxes(model, model.roi_heads.box_predictor, model.roi_heads.mask_predictor)
