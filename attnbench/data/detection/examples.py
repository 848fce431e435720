"""Images with their targets, as torchvision's detectors take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.boxes import clip_boxes
from attnbench.data.folder_loader import read_image
from attnbench.errors import DataError

Target: TypeAlias = dict[str, Any]
"""What is in an image.

``boxes`` float32 (n, 4): x0, y0, x1, y1 in pixels; ``labels`` int64 (n,) from 1 on; ``masks`` uint8 (n, H, W), if
wanted; ``area`` float64 (n,): annotated area, as exact as COCO's; ``iscrowd`` bool (n,); ``image_id``: an int.
"""

Key: TypeAlias = tuple[int, bool]
"""Index of an image, and whether it is mirrored."""


class ImageSource(Protocol):
    """Images by index."""

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """RGB (H, W, 3)."""


@dataclass(frozen=True)
class FileImages:
    """Images that are read from their files."""

    paths: Sequence[Path]
    """File of each image."""
    sizes: NDArray[np.int64]
    """Height and width that the annotations are for (num_images, 2)."""

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """RGB (H, W, 3).

        Raises:
            DataError: If the file cannot be read, or has another size than the annotations say.
        """
        pixels = np.array(read_image(str(self.paths[index])))
        height, width = self.sizes[index].tolist()
        if pixels.shape[:2] != (height, width):
            raise DataError(
                f"{self.paths[index]} has another size than its annotations say: height and width must be "
                f"{height}×{width}; got {pixels.shape[0]}×{pixels.shape[1]}"
            )
        return pixels

    def content(self, index: int) -> bytes:
        """What is in the file of an image.

        Raises:
            DataError: If it cannot be read.
        """
        try:
            return self.paths[index].read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {self.paths[index]}: {error.strerror or error}") from error


class Examples(Dataset[tuple[torch.Tensor, Target]]):
    """The images of one split with their targets."""

    def __init__(self, images: ImageSource, annotations: Annotations, *, training: bool, masks: bool = True) -> None:
        """Hold a split.

        Args:
            images: Its images.
            annotations: What is in them.
            training: Whether to train on it: without crowds, and with boxes cut off at the image's border.
            masks: Whether masks are wanted.
        """
        self.images = images
        self.annotations = annotations
        self.training = training
        self.masks = masks

    def __len__(self) -> int:
        return self.annotations.num_images

    def __getitem__(self, key: Key) -> tuple[torch.Tensor, Target]:
        """An image, float32 (3, H, W) in [0, 1], and its target."""
        index, mirrored = key
        pixels = self.images[index]
        objects, target = self._target(index)
        masks = self.annotations.masks_of(objects, index) if self.masks else None
        if mirrored:
            pixels = pixels[:, ::-1]
            boxes = target["boxes"]
            target["boxes"] = np.stack(
                [pixels.shape[1] - boxes[:, 2], boxes[:, 1], pixels.shape[1] - boxes[:, 0], boxes[:, 3]], axis=1
            )
        arrays = {name: torch.from_numpy(values) for name, values in target.items()}
        arrays["boxes"] = arrays["boxes"].float()
        if masks is not None:
            arrays["masks"] = torch.from_numpy(masks[:, :, ::-1].copy() if mirrored else masks)
        image = torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float().div_(255)
        return image, {**arrays, "image_id": int(self.annotations.image_ids[index])}

    def _target(self, index: int) -> tuple[list[int], dict[str, NDArray[Any]]]:
        """The objects of an image that are wanted, and what is known of them but for their masks."""
        annotations = self.annotations
        span = annotations.objects_of(index)
        objects = np.arange(span.start, span.stop)
        if self.training:
            objects = objects[~annotations.crowds[objects]]
        boxes = annotations.boxes[objects]
        height, width = annotations.sizes[index].tolist()
        return objects.tolist(), {
            "boxes": clip_boxes(boxes, height, width) if self.training else boxes,
            "labels": annotations.labels[objects],
            "area": annotations.areas[objects],
            "iscrowd": annotations.crowds[objects],
        }
