"""How much of a trained classifier's maps lies on the objects of its data set."""

from collections.abc import Callable, Iterator

import torch
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.data import EpochLoader, ImageData, Split
from attnbench.data.loader import Batch, seeded_generator
from attnbench.errors import SpecError
from attnbench.localisation_record import Localisation
from attnbench.measure.map_scores import MapKey, MapScorer, controls, localisation_of
from attnbench.ranks import Share
from attnbench.spec import RunSpec
from attnbench.visualize import attention_names, capture, check_grad_cam, grad_cam

_SPLITS: tuple[Split, ...] = ("validation", "test")
_SEED = 0


def check_localisation(spec: RunSpec, data: ImageData) -> None:
    """Refuse to train what could not be scored afterwards.

    Args:
        spec: What is run.
        data: Its data, read.

    Raises:
        MissingDependencyError: If captum is not installed.
        SpecError: If the data set does not say where its objects are.
    """
    if spec.measure.localisation_images == 0:
        return
    check_grad_cam()
    if any(data.objects(split) is None for split in _SPLITS):
        raise SpecError(
            f"localisation needs a data set that says where its objects are; got {spec.data!r}, allowed: "
            "cluttered-digits, or one of your own whose `objects` gives masks"
        )


def localise(
    model: nn.Module,
    data: ImageData,
    *,
    layer: str,
    num_images: int,
    on_step: Callable[[int, int], None] | None = None,
) -> Localisation:
    """Score a model's maps against the object's mask, image by image.

    What is scored: of each attention module that keeps the feature map's shape the `strength` of
    `attnbench.visualize.Captured`, Grad-CAM of one layer for the true class, and three controls; see
    `localisation_of` for which of the attention modules counts.

    Args:
        model: A trained classifier.
        data: Its data, which has objects.
        layer: Name of the layer that Grad-CAM looks at, mostly the last stage.
        num_images: Images to score, the first ones of the test split; it is chosen by as many of the validation split.
        on_step: Called with images done and images in all.

    Raises:
        MissingDependencyError: If captum is not installed.
        SpecError: If the data has no objects, or the model no such layer.
    """
    scorers = {split: MapScorer() for split in _SPLITS}
    done, total = 0, sum(min(num_images, data.num_images[split]) for split in _SPLITS)
    was_training = model.training
    model.eval()
    try:
        # A compiled module does not show what it computes inside.
        with torch.compiler.set_stance("force_eager"):
            for split in _SPLITS:
                for maps, masks in _maps(model, data, split, layer=layer, num_images=num_images):
                    scorers[split].add(maps, masks)
                    done += len(masks)
                    if on_step is not None:
                        on_step(done, total)
    finally:
        model.train(was_training)
    return localisation_of(scorers["validation"], scorers["test"])


def scored_layers(model: nn.Module) -> list[str]:
    """The attention modules whose output stands for their input, position by position: all but `conv` modules."""
    made_by = (entry.module_class for entry in ATTENTION.registered() if entry.placement == "conv")
    convolutions = tuple(maker for maker in made_by if isinstance(maker, type))
    return [name for name in attention_names(model) if not isinstance(model.get_submodule(name), convolutions)]


def control_generator(index: int) -> torch.Generator:
    """What draws the noise of one image of a split, the same beside every model."""
    return seeded_generator(_SEED, 0, index, purpose="control")


def _maps(
    model: nn.Module, data: ImageData, split: Split, *, layer: str, num_images: int
) -> Iterator[tuple[dict[MapKey, torch.Tensor], torch.Tensor]]:
    """Every map of each image, and its object's mask, batch by batch."""
    objects = data.objects(split)
    if objects is None:
        raise SpecError(f"the {split} split does not say where its objects are")
    device = next(model.parameters()).device
    scored = scored_layers(model)
    start = 0
    for images, labels in _first_images(data, split, num_images=num_images):
        images, labels = images.to(device), labels.to(device)
        maps: dict[MapKey, torch.Tensor] = {}
        if scored:
            with torch.no_grad(), capture(model, modules=scored) as captures:
                model(images)
            maps |= {("attention", name): captured.strength for name, captured in captures.items()}
        seen = grad_cam(model, images, labels, layer=layer)
        generators = [control_generator(start + index) for index in range(len(images))]
        maps |= {("grad-cam", layer): seen, **controls(images, generators, size=(seen.shape[1], seen.shape[2]))}
        yield maps, objects.masks[start : start + len(images)].to(device)
        start += len(images)


def _first_images(data: ImageData, split: Split, *, num_images: int) -> Iterator[Batch]:
    """The first images of a split in their order, as one process alone sees them."""
    loader: EpochLoader[Batch] = data.test_dataloader() if split == "test" else data.val_dataloader()
    share, loader.share = loader.share, Share()
    try:
        for images, labels in loader.batches(loader.order(), 0):
            yield images[:num_images], labels[:num_images]
            num_images -= len(images)
            if num_images <= 0:
                return
    finally:
        loader.share = share
