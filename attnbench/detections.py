"""What a trained detector finds in images, and what the annotations say is there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.data.detection import DetectionData, Examples, Target
from attnbench.detection.saved import DetectorDescription
from attnbench.detection_parts import read_detection_data
from attnbench.errors import SpecError

MASK_THRESHOLD = 0.5
"""Value of a mask above which the object is taken to be there, as where it is scored."""


@dataclass(frozen=True, kw_only=True)
class Objects:
    """Objects in one image."""

    boxes: NDArray[np.float32]
    """x0, y0, x1, y1 in the image's pixels (n, 4)."""
    labels: NDArray[np.int64]
    """Class of each, from 1 on (n,)."""
    scores: NDArray[np.float32] | None = None
    """Score of each, the highest first (n,); none where they are annotated."""
    masks: NDArray[np.bool_] | None = None
    """Where each is (n, H, W), if known."""
    crowds: NDArray[np.bool_] | None = None
    """Whether each is a group, which counts for nothing (n,); none where they are found."""


@torch.inference_mode()
def detect_objects(model: nn.Module, pixels: NDArray[np.uint8], *, least_score: float) -> Objects:
    """What a detector finds in an image.

    Args:
        model: A detector in evaluation mode.
        pixels: RGB (H, W, 3).
        least_score: Score below which detections are left out.
    """
    image = torch.from_numpy(pixels.transpose(2, 0, 1).copy()).float().div_(255)
    (found,) = model([image.to(next(model.parameters()).device)])
    order = torch.argsort(found["scores"], descending=True, stable=True)
    order = order[found["scores"][order] >= least_score]
    chosen = {name: values[order].cpu().numpy() for name, values in found.items()}
    masks = chosen["masks"][:, 0] > MASK_THRESHOLD if "masks" in chosen else None
    return Objects(boxes=chosen["boxes"], labels=chosen["labels"], scores=chosen["scores"], masks=masks)


def annotated_data(
    detector: DetectorDescription,
    data: str,
    *,
    root: str | None = None,
    annotations: tuple[str, str] | None = None,
) -> DetectionData:
    """A data set that a detector knows the classes of, read as its own.

    Args:
        detector: What is to detect in it.
        data: The data set with its settings.
        root: Folder of the data set, where it has one.
        annotations: Files of the training and of the test annotations; none for the usual ones.

    Raises:
        SpecError: If the data set has other classes than the detector.
        DataError: If it is missing or damaged.
    """
    read = read_detection_data(replace(detector.spec, data=data, workers=0, root=root, annotations=annotations))
    if read.classes != detector.classes:
        raise SpecError(
            f"{data} must have the classes that the detector was trained on, {_listed(detector.classes)}; "
            f"its classes are {_listed(read.classes)}"
        )
    return read


def annotated_images(data: DetectionData, *, number: int) -> Iterator[tuple[str, NDArray[np.uint8], Objects]]:
    """The first test images of a data set, each with its file's name and what is in it.

    Args:
        data: The data set, read.
        number: Images that are wanted; fewer where there are fewer.
    """
    split = data.split("test")
    examples = Examples(split.images, split.annotations, training=False, masks=data.masks)
    for index in range(min(number, len(examples))):
        image, target = examples[index, False]
        pixels = image.mul(255).round().byte().permute(1, 2, 0).numpy()
        yield split.annotations.file_names[index], pixels, _annotated(target)


def _annotated(target: Target) -> Objects:
    return Objects(
        boxes=target["boxes"].numpy(),
        labels=target["labels"].numpy(),
        masks=target["masks"].numpy() > 0 if "masks" in target else None,
        crowds=target["iscrowd"].numpy(),
    )


def _listed(classes: tuple[str, ...]) -> str:
    more = len(classes) - 10
    return ", ".join(classes[:10]) + (f" and {more} more" if more > 0 else "")
