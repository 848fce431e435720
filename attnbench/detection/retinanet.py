"""RetinaNet (https://arxiv.org/abs/1708.02002): torchvision's own class.

The pyramid stands on all stages but the first and gets two coarser levels by
convolutions from the last stage. Nine anchors a position: three scales within an
octave, three aspect ratios. Departures of torchvision's from the paper: L1 instead of
smooth-L1 on boxes, sides of anchors rounded down to whole pixels, and
an output for label 0, which no object has; here it is never given as a label.
"""

import torch
from torch import nn
from torchvision.models.detection import RetinaNet as TorchvisionRetinaNet  # type: ignore[import-untyped]
from torchvision.ops.feature_pyramid_network import LastLevelP6P7  # type: ignore[import-untyped]

from attnbench.detection.body import Body
from attnbench.detection.boxes import BoxCoder, anchors_of, answer_precisely
from attnbench.detection.pyramid import Pyramid
from attnbench.detection.registration import check_fraction, check_positive, register_detector
from attnbench.detection.retinanet_head import FocalHead
from attnbench.errors import SpecError


class RetinaNet(TorchvisionRetinaNet):  # type: ignore[misc]
    """torchvision's RetinaNet, which never gives label 0."""

    def postprocess_detections(
        self,
        head_outputs: dict[str, list[torch.Tensor]],
        anchors: list[list[torch.Tensor]],
        image_shapes: list[tuple[int, int]],
    ) -> list[dict[str, torch.Tensor]]:
        """Detections from the outputs of the heads."""
        without_zero = []
        for logits in head_outputs["cls_logits"]:
            masked = logits.clone()
            masked[..., 0] = -torch.inf
            without_zero.append(masked)
        detections: list[dict[str, torch.Tensor]] = super().postprocess_detections(
            {**head_outputs, "cls_logits": without_zero}, anchors, image_shapes
        )
        return detections


@register_detector("retinanet", has_masks=False)
def retinanet(
    body: Body,
    *,
    num_classes: int,
    short_side: int,
    long_side: int,
    pyramid_channels: int = 256,
    first_stage: int = 2,
    anchor_size: int = 32,
    scales: int = 3,
    convolutions: int = 4,
    group_norm: bool = False,
    prior: float = 0.01,
    focal_alpha: float = 0.25,
    focal_gamma: float = 2.0,
    score_threshold: float = 0.05,
    max_detections: int = 100,
) -> nn.Module:
    """Every position of every level classified and refined at once, without proposals.

    Args:
        body: The backbone's body.
        num_classes: Classes without the background.
        short_side: Pixels that an image's shorter side is resized to …
        long_side: … unless its longer side would have more than this.
        pyramid_channels: Channels of the pyramid and of the heads.
        first_stage: The body's stage that the finest level stands on.
        anchor_size: Side of the finest level's smallest anchors, pixels; doubled at each coarser level.
        scales: Sizes of anchors within an octave.
        convolutions: 3×3 convolutions of each head before its last, at most 4.
        group_norm: Whether a group norm of 32 groups follows each of them, as in torchvision's second version.
        prior: Score that every anchor starts with.
        focal_alpha: α of the focal loss, the weight of an object's own class; the others get 1 − α.
        focal_gamma: γ of the focal loss. The lower, the more is learnt of objects that are not quite wrong; from
            scratch, 2 learns classes slowly.
        score_threshold: Least score of a detection.
        max_detections: Detections of an image.

    Raises:
        SpecError: If a setting is out of range.
    """
    check_positive(max_detections=max_detections)
    check_fraction(score_threshold=score_threshold)
    if not 0 < prior < 1:
        raise SpecError(f"prior must be in (0, 1); got prior={prior}")
    pyramid = Pyramid(body, channels=pyramid_channels, first_stage=first_stage, coarser=_coarser)
    anchors = anchors_of(len(pyramid.levels) + 2, anchor_size, scales)
    model = RetinaNet(
        pyramid,
        num_classes + 1,
        min_size=short_side,
        max_size=long_side,
        anchor_generator=anchors,
        head=FocalHead(
            pyramid_channels,
            anchors.num_anchors_per_location()[0],
            num_classes + 1,
            convolutions=convolutions,
            group_norm=group_norm,
            focal_alpha=focal_alpha,
            focal_gamma=focal_gamma,
        ),
        score_thresh=score_threshold,
        detections_per_img=max_detections,
    )
    model.box_coder = BoxCoder(model.box_coder.weights)
    answer_precisely(model.head)
    nn.init.constant_(model.head.classification_head.cls_logits.bias, torch.tensor(prior).logit().item())
    made: nn.Module = model
    return made


def _coarser(in_channels: int, channels: int) -> LastLevelP6P7:
    added = LastLevelP6P7(in_channels, channels)
    # torchvision's takes the pyramid's own last level where it has as many channels as the body's last stage.
    added.use_P5 = False
    return added
