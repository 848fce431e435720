"""The objects of a split of images, in arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.data.detection.masks import draw_mask, parse_segmentation
from attnbench.matches import LARGE_AREA, SMALL_AREA

"""Areas at which COCO's small objects end and its large ones begin; an object of just such an area is in both."""


@dataclass(frozen=True, kw_only=True)
class Annotations:
    """Images and the objects in them, those of one image side by side."""

    classes: tuple[str, ...]
    """Names of the classes, in the order of the labels, which begin with 1."""
    file_names: tuple[str, ...]
    """File of each image (num_images,)."""
    image_ids: NDArray[np.int64]
    """Number of each image in its file of annotations (num_images,)."""
    sizes: NDArray[np.int64]
    """Height and width of each image, pixels (num_images, 2)."""
    starts: NDArray[np.int64]
    """Where the objects of each image begin, and at last their number (num_images + 1,)."""
    labels: NDArray[np.int64]
    """Class of each object, in [1, num_classes] (num_objects,)."""
    boxes: NDArray[np.float64]
    """x0, y0, x1, y1 as annotated, pixels (num_objects, 4)."""
    areas: NDArray[np.float64]
    """Annotated area, of the mask where there is one, pixels (num_objects,)."""
    crowds: NDArray[np.bool_]
    """Whether it is a group that counts neither for nor against a detector (num_objects,)."""
    segmentations: tuple[bytes, ...]
    """JSON of each object's segmentation; empty where there is no valid one (num_objects,)."""

    @property
    def num_images(self) -> int:
        """Images, those without objects among them."""
        return len(self.image_ids)

    def objects_of(self, image: int) -> slice:
        """Where the objects of an image stand."""
        return slice(int(self.starts[image]), int(self.starts[image + 1]))

    def masks_of(self, objects: Sequence[int], image: int) -> NDArray[np.uint8]:
        """Masks of some objects of an image, 1 where the object is (len(objects), H, W)."""
        height, width = self.sizes[image].tolist()
        masks = np.zeros((len(objects), height, width), dtype=np.uint8)
        for mask, number in zip(masks, objects, strict=True):
            segmentation = parse_segmentation(self.segmentations[number] or b"null", height, width)
            mask[:] = draw_mask(segmentation, self.boxes[number], height, width)
        return masks

    def chosen(self, images: NDArray[np.int64]) -> "Annotations":
        """The same of some images alone, in their order."""
        counts = np.diff(self.starts)[images]
        objects = np.concatenate(
            [np.arange(self.starts[image], self.starts[image + 1]) for image in images] or [np.empty(0, np.int64)]
        ).astype(np.int64)
        return Annotations(
            classes=self.classes,
            file_names=tuple(self.file_names[image] for image in images),
            image_ids=self.image_ids[images],
            sizes=self.sizes[images],
            starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            labels=self.labels[objects],
            boxes=self.boxes[objects],
            areas=self.areas[objects],
            crowds=self.crowds[objects],
            segmentations=tuple(self.segmentations[number] for number in objects),
        )

    def count_objects(self) -> dict[str, int]:
        """Objects that count, ``all`` and by COCO's areas, and the ``crowd``, which does not."""
        areas = self.areas[~self.crowds]
        return {
            "all": len(areas),
            "small": int((areas <= SMALL_AREA).sum()),
            "medium": int(((areas >= SMALL_AREA) & (areas <= LARGE_AREA)).sum()),
            "large": int((areas >= LARGE_AREA).sum()),
            "crowd": int(self.crowds.sum()),
        }
