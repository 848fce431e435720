"""Parameters and multiply-accumulates of a detector, by its parts.

What runs for each region depends on the image and the weights, so it is counted apart.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchvision.models.detection.image_list import ImageList  # type: ignore[import-untyped]

from attnbench.detection_record import DetectorCounts
from attnbench.measure.tracing import analysed

_DIVISOR = 32  # torchvision pads images to multiples of it


class _Resized(nn.Module):
    """A detector without its resizing, on one image: (1, 3, H, W)."""

    def __init__(self, detector: Any, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.detector = detector
        self.image_size = image_size

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Run every part once."""
        maps = self.detector.backbone(image)
        if not hasattr(self.detector, "roi_heads"):
            return tuple(self.detector.head(list(maps.values())).values())
        proposals, _ = self.detector.rpn(ImageList(image, [self.image_size]), maps)
        detections, _ = self.detector.roi_heads(maps, proposals, [self.image_size])
        return tuple(detections[0].values())


def count_detector(model: nn.Module, image_size: tuple[int, int]) -> DetectorCounts:
    """Count a detector's parameters, and the multiply-accumulates of an empty image by fvcore's default rules.

    Args:
        model: A detector of `attnbench.create_detector`; it is not changed.
        image_size: Height and width of the image after resizing; as in a run, it is padded to multiples of 32.
    """
    num_regions = 0

    def note(heads: nn.Module, inputs: Sequence[Any]) -> None:
        nonlocal num_regions
        num_regions = len(inputs[1][0])

    detector: Any = model
    with_regions = hasattr(detector, "roi_heads")
    handle = detector.roi_heads.register_forward_pre_hook(note) if with_regions else None
    padded = [-(-side // _DIVISOR) * _DIVISOR for side in image_size]
    try:
        analysis = analysed(_Resized(detector, image_size), (3, padded[0], padded[1]))
    finally:
        if handle is not None:
            handle.remove()
    macs = {name: int(count) for name, count in analysis.by_module().items()}
    body = macs["detector.backbone.body"]
    return DetectorCounts(
        parameters=_all_parameters(model),
        body_parameters=_all_parameters(detector.backbone.body),
        image_size=image_size,
        body_macs=body,
        pyramid_macs=macs["detector.backbone"] - body,
        dense_macs=macs["detector.rpn" if with_regions else "detector.head"],
        region_macs=macs["detector.roi_heads"] if with_regions else 0,
        num_regions=num_regions,
        uncounted_operators=dict(sorted(analysis.unsupported_ops("detector.backbone.body").items())),
    )


def _all_parameters(module: nn.Module) -> int:
    """Parameters, the frozen ones too."""
    return sum(parameter.numel() for parameter in module.parameters())
