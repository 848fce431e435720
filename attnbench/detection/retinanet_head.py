"""RetinaNet's heads: torchvision's, with the focal loss's two numbers to be set.

    FL(p_t) = −α_t (1 − p_t)^γ log p_t     (https://arxiv.org/abs/1708.02002, eq. 5)

summed over an image's anchors and classes, but for anchors between object and background,
divided by its object anchors, and averaged over the images. torchvision fixes α = 0.25 and γ = 2.
"""

from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision.models.detection.retinanet import RetinaNetHead  # type: ignore[import-untyped]
from torchvision.ops import sigmoid_focal_loss  # type: ignore[import-untyped]

from attnbench.detection.registration import check_positive
from attnbench.errors import SpecError

_MOST_CONVOLUTIONS = 4  # as many as torchvision's head is made with
_GROUPS = 32


class FocalHead(RetinaNetHead):  # type: ignore[misc]
    """torchvision's two heads on every level of the pyramid."""

    def __init__(
        self,
        channels: int,
        num_anchors: int,
        num_outputs: int,
        *,
        convolutions: int,
        group_norm: bool,
        focal_alpha: float,
        focal_gamma: float,
    ) -> None:
        """Make both heads.

        Args:
            channels: Channels of the pyramid and of the heads.
            num_anchors: Anchors a position.
            num_outputs: Classes, label 0 included.
            convolutions: 3×3 convolutions of each head before its last, at most 4.
            group_norm: Whether a group norm of 32 groups follows each of them.
            focal_alpha: α of an object's own class; the others get 1 − α.
            focal_gamma: γ.

        Raises:
            SpecError: If a setting is out of range.
        """
        check_positive(convolutions=convolutions)
        if convolutions > _MOST_CONVOLUTIONS:
            raise SpecError(f"convolutions must be at most {_MOST_CONVOLUTIONS}; got convolutions={convolutions}")
        if group_norm and channels % _GROUPS:
            raise SpecError(
                f"pyramid_channels must be divisible by {_GROUPS} for group_norm; got pyramid_channels={channels}"
            )
        if not 0 < focal_alpha < 1:
            raise SpecError(f"focal_alpha must be in (0, 1); got focal_alpha={focal_alpha}")
        if focal_gamma < 0:
            raise SpecError(f"focal_gamma must not be negative; got focal_gamma={focal_gamma}")
        norm_layer = partial(nn.GroupNorm, _GROUPS) if group_norm else None
        super().__init__(channels, num_anchors, num_outputs, norm_layer=norm_layer)
        self.focal_alpha = focal_alpha
        self.focal_gamma = focal_gamma
        for branch in (self.classification_head, self.regression_head):
            branch.conv = branch.conv[:convolutions]

    def compute_loss(
        self,
        targets: list[dict[str, torch.Tensor]],
        head_outputs: dict[str, torch.Tensor],
        anchors: list[torch.Tensor],
        matched_idxs: list[torch.Tensor],
    ) -> dict[str, Any]:
        """Both losses.

        Args:
            targets: Of each image its ``boxes`` and ``labels``.
            head_outputs: ``cls_logits`` (N, anchors, classes) and ``bbox_regression`` (N, anchors, 4).
            anchors: Of each image (anchors, 4).
            matched_idxs: Of each image, the object of each anchor, or −1 for background and −2 for neither.
        """
        by_image = zip(targets, head_outputs["cls_logits"], matched_idxs, strict=True)
        losses = [self._focal_loss(*of_image) for of_image in by_image]
        return {
            "classification": torch.stack(losses).mean(),
            "bbox_regression": self.regression_head.compute_loss(targets, head_outputs, anchors, matched_idxs),
        }

    def _focal_loss(self, target: dict[str, torch.Tensor], logits: torch.Tensor, matched: torch.Tensor) -> torch.Tensor:
        is_object, counts = matched >= 0, matched != self.classification_head.BETWEEN_THRESHOLDS
        wanted = torch.zeros_like(logits)
        wanted[is_object, target["labels"][matched[is_object]]] = 1.0
        loss: torch.Tensor = sigmoid_focal_loss(
            logits[counts], wanted[counts], alpha=self.focal_alpha, gamma=self.focal_gamma, reduction="sum"
        )
        return loss / is_object.sum().clamp(min=1)
