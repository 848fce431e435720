"""The smallest detectors, and images with objects for them."""

from typing import Any

import torch

from attnbench.detection import BuiltDetector, build_detector

BACKBONE = "cifar-resnet:depth=8,stem_stride=2,width=8"
BOXES = "head_width=16,proposals=20,pyramid_channels=8,regions=16"
DETECTORS = {
    "faster-rcnn": f"faster-rcnn:anchor_size=8,{BOXES}",
    "mask-rcnn": f"mask-rcnn:anchor_size=8,mask_channels=8,mask_convolutions=1,{BOXES}",
    "cascade-rcnn": f"cascade-rcnn:anchor_size=8,{BOXES}",
    "retinanet": "retinanet:anchor_size=8,convolutions=1,first_stage=1,pyramid_channels=8",
}
NUM_CLASSES = 3
SIDE = 64

Target = dict[str, Any]


def built(
    detector: str = "faster-rcnn", attention: str = "none", backbone: str = BACKBONE, **settings: Any
) -> BuiltDetector:
    """A tiny detector of three classes for images of 64×64; `detector` by its short name or in full."""
    fixed: dict[str, Any] = {"num_classes": NUM_CLASSES, "short_side": SIDE, "long_side": SIDE, "seed": 0}
    return build_detector(DETECTORS.get(detector, detector), backbone, attention, **{**fixed, **settings})


def batch(*, empty: bool = False) -> tuple[list[torch.Tensor], list[Target]]:
    """Two images, one with two objects and one with one, each in its class's colour; `empty` takes the last away."""
    generator = torch.Generator().manual_seed(0)
    images = [torch.rand(3, 64, 64, generator=generator) / 4, torch.rand(3, 48, 64, generator=generator) / 4]
    boxes = [
        torch.tensor([[4.0, 4.0, 30.0, 40.0], [20.0, 20.0, 60.0, 60.0]]),
        torch.tensor([[10.0, 8.0, 40.0, 44.0]])[: 0 if empty else 1],
    ]
    labels = [torch.tensor([1, 3]), torch.tensor([2])[: 0 if empty else 1]]
    targets: list[Target] = []
    for image_id, (image, of_image, label) in enumerate(zip(images, boxes, labels, strict=True)):
        masks = torch.zeros(len(of_image), *image.shape[1:], dtype=torch.uint8)
        for mask, (left, top, right, bottom), colour in zip(
            masks, of_image.int().tolist(), label.tolist(), strict=True
        ):
            mask[top:bottom, left:right] = 1
            image[colour - 1, top:bottom, left:right] += 0.7
        area = masks.sum((1, 2)).float()
        crowd = torch.zeros(len(of_image), dtype=torch.bool)
        targets.append(
            {"boxes": of_image, "labels": label, "masks": masks, "area": area, "iscrowd": crowd, "image_id": image_id}
        )
    return images, targets
