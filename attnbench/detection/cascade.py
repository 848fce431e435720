"""Cascade R-CNN (https://arxiv.org/abs/1712.00726) on a feature pyramid.

torchvision has none; this is its Faster R-CNN with the heads of `cascade_heads`.
"""

from torch import nn
from torchvision.models.detection import FasterRCNN  # type: ignore[import-untyped]

from attnbench.detection.body import Body
from attnbench.detection.boxes import region_pool
from attnbench.detection.cascade_heads import CascadeHeads
from attnbench.detection.faster import POOLED, pooled_pyramid, shared_settings, with_precise_boxes
from attnbench.detection.registration import check_fraction, check_positive, register_detector


@register_detector("cascade-rcnn", has_masks=False)
def cascade_rcnn(
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
    """Proposals from every level, each classified and refined three times in a row.

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
        head_width: Width of each stage's fully-connected layers.
        score_threshold: Least score of a detection.
        max_detections: Detections of an image.

    Raises:
        SpecError: If a setting is out of range.
    """
    pyramid = pooled_pyramid(body, pyramid_channels, first_stage)
    check_positive(regions=regions, head_width=head_width, max_detections=max_detections)
    check_fraction(score_threshold=score_threshold)
    pool = region_pool(pyramid, POOLED)
    model = FasterRCNN(
        pyramid,
        **shared_settings(pyramid, short_side, long_side, anchor_size, proposals),
        box_roi_pool=pool,
        box_head=nn.Identity(),  # the heads are replaced as a whole
        box_predictor=nn.Identity(),
    )
    model.roi_heads = CascadeHeads(
        pool,
        in_features=pyramid_channels * POOLED**2,
        width=head_width,
        num_outputs=num_classes + 1,
        regions=regions,
        score_threshold=score_threshold,
        max_detections=max_detections,
    )
    return with_precise_boxes(model, *model.roi_heads.stages)
