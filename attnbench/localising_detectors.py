"""How much of the attention in a trained detector lies on the objects of its data set."""

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.detection.image_list import ImageList  # type: ignore[import-untyped]

from attnbench.data import Split
from attnbench.data.detection import DetectionData, Examples
from attnbench.errors import SpecError
from attnbench.localisation_record import Localisation
from attnbench.localising import control_generator, scored_layers
from attnbench.measure.map_scores import MapKey, MapScorer, controls, localisation_of
from attnbench.visualize import capture

_COARSEST = 32
"""Pixels to a position of the last stage, in which noise is drawn."""


def localise_detector(
    model: nn.Module,
    data: DetectionData,
    *,
    num_images: int,
    on_step: Callable[[int, int], None] | None = None,
) -> Localisation:
    """Score a detector's attention against all objects of an image together.

    As `attnbench.localising.localise`, but without Grad-CAM, for which a detector has no one score a class. Images
    without an object are left out. Layers and thresholds are chosen on the validation split, or on the training split
    where there is none.

    Args:
        model: A trained detector of `attnbench.create_detector`.
        data: Its data, read.
        num_images: Images to score, the first ones of the test split with an object; it is chosen by as many others.
        on_step: Called with images done, and images in all at most.

    Raises:
        SpecError: If a split has no image with an object.
    """
    splits: tuple[Split, Split] = ("validation" if data.has_validation else "train", "test")
    scorers = []
    done, total = 0, sum(min(num_images, data.num_images[split]) for split in splits)
    was_training = model.training
    model.eval()
    try:
        for split in splits:
            scorers.append(MapScorer())
            for maps, mask in islice(_maps(model, data, split), num_images):
                scorers[-1].add(maps, mask)
                done += 1
                if on_step is not None:
                    on_step(done, total)
            if not len(scorers[-1].object_shares):
                raise SpecError(f"no image of the {split} split has an object")
    finally:
        model.train(was_training)
    return localisation_of(*scorers)


def _maps(
    model: nn.Module, data: DetectionData, split: Split
) -> Iterator[tuple[dict[MapKey, torch.Tensor], torch.Tensor]]:
    """Every map of each image that has an object, and where its objects are."""
    chosen = data.split(split)
    examples = Examples(chosen.images, chosen.annotations, training=False, masks=True)
    device = next(model.parameters()).device
    scored = scored_layers(model)
    for index in range(len(examples)):
        image, target = examples[index, False]
        mask = target["masks"].bool().any(0, keepdim=True)
        if not mask.any():
            continue
        with torch.no_grad():
            batch, _ = model.transform([image.to(device)])  # type: ignore[operator]
            maps: dict[MapKey, torch.Tensor] = {}
            if scored:
                with capture(model, modules=scored) as captures:
                    model([image.to(device)])
                maps |= {
                    ("attention", name): _without_padding(captured.strength, batch)
                    for name, captured in captures.items()
                }
        rows, columns = batch.image_sizes[0]
        shown = batch.tensors[:, :, :rows, :columns]
        size = (-(-rows // _COARSEST), -(-columns // _COARSEST))
        yield maps | controls(shown, [control_generator(index)], size=size), mask.to(device)


def _without_padding(maps: torch.Tensor, batch: ImageList) -> torch.Tensor:
    """The part of a layer's maps that is of the image, not of what fills it up to a whole number of positions."""
    resized = functional.interpolate(maps[:, None], size=batch.tensors.shape[-2:], mode="bilinear", align_corners=False)
    rows, columns = batch.image_sizes[0]
    return resized[:, 0, :rows, :columns]
