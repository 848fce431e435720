"""How much of a trained classifier's maps lies on the objects of its data set."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.data import EpochLoader, ImageData, Split
from attnbench.data.loader import Batch, seeded_generator
from attnbench.errors import SpecError
from attnbench.localisation_record import STEPS, LayerScores, Localisation, MapKind, MapScores
from attnbench.measure.localisation import THRESHOLDS, centre_map, energy_on_object, overlap, random_maps, stretched
from attnbench.packed import PackedIntegers
from attnbench.ranks import Share
from attnbench.spec import RunSpec
from attnbench.visualize import attention_names, capture, check_grad_cam, grad_cam, last_stage

Key = tuple[MapKind, str]
"""A kind of map, and the layer that it is of; no layer for a control."""

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
    for split in _SPLITS:
        if data.objects(split) is None:
            raise SpecError(
                f"localisation needs a data set that says where its objects are; got {spec.data!r}, allowed: "
                "cluttered-digits, or one of your own whose `objects` gives masks"
            )


def localise(
    model: nn.Module, data: ImageData, *, num_images: int, on_step: Callable[[int, int], None] | None = None
) -> Localisation:
    """Score a model's maps against the object's mask, image by image.

    What is scored: of each attention module that keeps the feature map's shape the `strength` of
    `attnbench.visualize.Captured`, Grad-CAM of the last stage for the true class, and three controls. Of the attention
    modules the one counts whose maps have the most energy on the objects of validation images; each threshold is the
    one of the largest mean overlap there.

    Args:
        model: A trained classifier.
        data: Its data, which has objects.
        num_images: Images to score, the first ones of the test split; as many of the validation split are chosen by.
        on_step: Called with images done and images in all.

    Raises:
        MissingDependencyError: If captum is not installed.
        SpecError: If the data has no objects, or the model does not say which layer is its last stage.
    """
    was_training = model.training
    model.eval()
    try:
        device = next(model.parameters()).device
        rows: dict[Split, _Scores] = {}
        done, total = 0, sum(min(num_images, data.num_images[split]) for split in _SPLITS)
        for split in _SPLITS:
            rows[split] = _Scores()
            for maps, masks in _maps(model, data, split, num_images=num_images, device=device):
                rows[split].add(maps, masks)
                done += len(masks)
                if on_step is not None:
                    on_step(done, total)
    finally:
        model.train(was_training)
    return _chosen(rows["validation"], rows["test"])


@dataclass
class _Scores:
    """What the images of one split gave so far."""

    energy: dict[Key, list[NDArray[np.float64]]] = field(default_factory=dict)
    """Of each batch (N,)."""
    overlap: dict[Key, list[NDArray[np.float64]]] = field(default_factory=dict)
    """Of each batch (N, T)."""
    object_share: list[NDArray[np.float64]] = field(default_factory=list)
    """Of each batch (N,)."""

    def add(self, maps: dict[Key, torch.Tensor], masks: torch.Tensor) -> None:
        size = (masks.shape[1], masks.shape[2])
        for key, of_layer in maps.items():
            unit = stretched(of_layer, size=size)
            self.energy.setdefault(key, []).append(energy_on_object(unit, masks).cpu().numpy())
            overlaps = overlap(unit, masks, torch.tensor(THRESHOLDS))
            self.overlap.setdefault(key, []).append(overlaps.cpu().numpy())
        self.object_share.append(masks.double().mean((1, 2)).cpu().numpy())


def _maps(
    model: nn.Module, data: ImageData, split: Split, *, num_images: int, device: torch.device
) -> Iterator[tuple[dict[Key, torch.Tensor], torch.Tensor]]:
    """Every map of each image, and its object's mask, batch by batch."""
    objects = data.objects(split)
    if objects is None:
        raise SpecError(f"the {split} split does not say where its objects are")
    last = last_stage(model)
    scored = _scored_layers(model)
    start = 0
    for images, labels in _first_images(data, split, num_images=num_images):
        images, labels = images.to(device), labels.to(device)
        masks = objects.masks[start : start + len(images)].to(device)
        maps: dict[Key, torch.Tensor] = {}
        if scored:
            with torch.no_grad(), capture(model, modules=scored) as captures:
                model(images)
            maps |= {("attention", name): captured.strength for name, captured in captures.items()}
        seen = grad_cam(model, images, labels, layer=last)
        maps["grad-cam", last] = seen
        maps |= _controls(images, start, size=(seen.shape[1], seen.shape[2]))
        yield maps, masks
        start += len(images)


def _scored_layers(model: nn.Module) -> list[str]:
    """The attention modules whose output stands for their input, position by position."""
    made_by = (entry.module_class for entry in ATTENTION.registered() if entry.placement == "conv")
    convolutions = tuple(maker for maker in made_by if isinstance(maker, type))
    return [name for name in attention_names(model) if not isinstance(model.get_submodule(name), convolutions)]


def _first_images(data: ImageData, split: Split, *, num_images: int) -> Iterator[Batch]:
    """The first images of a split in their order, as one process sees them."""
    loaders: dict[Split, Callable[[], EpochLoader[Batch]]] = {
        "validation": data.val_dataloader, "test": data.test_dataloader,
    }  # fmt: skip
    loader = loaders[split]()
    share, loader.share = loader.share, Share()
    try:
        left = num_images
        for images, labels in loader.batches(loader.order(), 0):
            yield images[:left], labels[:left]
            left -= len(images)
            if left <= 0:
                return
    finally:
        loader.share = share


def _controls(images: torch.Tensor, start: int, *, size: tuple[int, int]) -> dict[Key, torch.Tensor]:
    """Maps that know nothing of the model, the same beside every model."""
    generators = [seeded_generator(_SEED, 0, start + index, purpose="control") for index in range(len(images))]
    height, width = images.shape[-2:]
    return {
        ("random", ""): random_maps(generators, size=size).to(images.device),
        ("centre", ""): centre_map(size=(height, width)).to(images.device).expand(len(images), height, width),
        ("image", ""): images.abs().mean(1),
    }


def _chosen(validation: _Scores, test: _Scores) -> Localisation:
    mean_energy = {key: float(np.concatenate(parts).mean()) for key, parts in validation.energy.items()}
    mean_overlap = {key: np.concatenate(parts).mean(0) for key, parts in validation.overlap.items()}
    layers = [key for key in mean_energy if key[0] == "attention"]
    best = max(layers, key=lambda key: mean_energy[key]) if layers else None
    kept = [*([best] if best else []), *(key for key in mean_energy if key[0] != "attention")]
    shares = np.concatenate(test.object_share)
    return Localisation(
        num_images=len(shares),
        num_validation_images=sum(map(len, validation.object_share)),
        object_share=float(shares.mean()),
        maps=tuple(_map_scores(key, test, int(mean_overlap[key].argmax())) for key in kept),
        layers=tuple(
            LayerScores(layer=key[1], energy=mean_energy[key], iou=float(mean_overlap[key].max())) for key in layers
        ),
    )


def _map_scores(key: Key, test: _Scores, threshold: int) -> MapScores:
    kind, layer = key
    return MapScores(
        kind=kind,
        layer=layer,
        threshold=THRESHOLDS[threshold],
        energy=_packed(np.concatenate(test.energy[key])),
        iou=_packed(np.concatenate(test.overlap[key])[:, threshold]),
    )


def _packed(scores: NDArray[np.float64]) -> PackedIntegers:
    return PackedIntegers.pack(np.rint(STEPS * scores).astype(np.int64))
