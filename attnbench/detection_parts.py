"""What a detection run is made of: its data, its detectors, and the weights that they start from."""

from pathlib import Path

import torch

from attnbench.data.detection import DetectionData, Examples, build_detection_data
from attnbench.detection import BuiltDetector, build_detector, has_masks
from attnbench.detection.weights import PRETRAINED
from attnbench.detection_spec import DetectionRecipe, DetectionRun
from attnbench.hardware import resolve_device
from attnbench.models.backends import check_backend_runs
from attnbench.models.checkpoint import read_hashed_checkpoint
from attnbench.ranks import from_leader


def read_detection_data(spec: DetectionRun) -> DetectionData:
    """The data of a run, read.

    Raises:
        DataError: If it is missing or damaged.
    """
    data = build_detection_data(
        spec.data_to_read,
        root=spec.root,
        annotations=spec.annotations,
        recipe=spec.recipe,
        seed=spec.seed,
        masks=has_masks(spec.detector),
    )
    from_leader(data.prepare_data)
    data.setup("fit")
    return data


def build_run_detector(
    spec: DetectionRun, attention: str, data: DetectionData, *, weights: str | None
) -> BuiltDetector:
    """The untrained detector of a run, with the attention given, and a body of the weights given."""
    built = build_detector(
        spec.detector,
        spec.backbone,
        attention,
        num_classes=data.num_classes,
        short_side=spec.recipe.short_side,
        long_side=spec.recipe.long_side,
        frozen_stages=spec.recipe.frozen_stages,
        norm=spec.recipe.norm,
        weights=weights,
        seed=spec.seed,
    )
    check_backend_runs(built.places, resolve_device(spec.compute), attention=attention)
    return built


def first_image(data: DetectionData) -> torch.Tensor:
    """The first test image, (3, H, W) in [0, 1]."""
    test = data.split("test")
    image: torch.Tensor = Examples(test.images, test.annotations, training=False, masks=False)[0, False][0]
    return image


def resized(image: torch.Tensor, recipe: DetectionRecipe) -> tuple[int, int]:
    """Height and width that a detector resizes an image (3, H, W) to."""
    height, width = image.shape[-2:]
    scale = min(recipe.short_side / min(height, width), recipe.long_side / max(height, width))
    return int(height * scale), int(width * scale)


def weights_sha256(weights: str | None) -> str | None:
    """The hash of a file of weights; none where there is none.

    Raises:
        CheckpointError: If it cannot be read.
    """
    if weights is None or weights == PRETRAINED:
        return None
    return read_hashed_checkpoint(Path(weights).expanduser())[1]
