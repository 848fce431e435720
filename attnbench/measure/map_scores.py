"""Scores of many maps beside the objects of many images: collected batch by batch, and what is kept of them."""

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.localisation_record import STEPS, LayerScores, Localisation, MapKind, MapScores
from attnbench.measure.localisation import THRESHOLDS, centre_map, energy_on_object, overlap, random_maps, stretched
from attnbench.packed import PackedIntegers

MapKey: TypeAlias = tuple[MapKind, str]
"""A kind of map, and the layer that it is of; no layer for a control."""


class MapScorer:
    """The scores of the images of one split."""

    def __init__(self) -> None:
        """Begin with no image."""
        self._energy: dict[MapKey, list[NDArray[np.float64]]] = {}
        self._overlap: dict[MapKey, list[NDArray[np.float64]]] = {}
        self._object_shares: list[NDArray[np.float64]] = []

    def add(self, maps: Mapping[MapKey, torch.Tensor], masks: torch.Tensor) -> None:
        """Score the maps of further images.

        Args:
            maps: The same kinds each time, in any size (N, h, w).
            masks: Pixels of the object, bool (N, H, W).
        """
        size = (masks.shape[1], masks.shape[2])
        for key, of_layer in maps.items():
            unit = stretched(of_layer, size=size)
            self._energy.setdefault(key, []).append(energy_on_object(unit, masks).cpu().numpy())
            overlaps = overlap(unit, masks, torch.tensor(THRESHOLDS))
            self._overlap.setdefault(key, []).append(overlaps.cpu().numpy())
        self._object_shares.append(masks.double().mean((1, 2)).cpu().numpy())

    @property
    def object_shares(self) -> NDArray[np.float64]:
        """Share of each image that is the object's (num_images,)."""
        return np.concatenate(self._object_shares) if self._object_shares else np.empty(0)

    @property
    def kinds(self) -> list[MapKey]:
        """The kinds of map that were scored."""
        return list(self._energy)

    def energy(self, key: MapKey) -> NDArray[np.float64]:
        """Share of each map's sum that lies on the object (num_images,)."""
        return np.concatenate(self._energy[key])

    def overlap(self, key: MapKey) -> NDArray[np.float64]:
        """Intersection over union of each map at each of `THRESHOLDS` (num_images, T)."""
        return np.concatenate(self._overlap[key])


def controls(
    images: torch.Tensor, generators: list[torch.Generator], *, size: tuple[int, int]
) -> dict[MapKey, torch.Tensor]:
    """Maps that know nothing of a model.

    Args:
        images: Normalised (N, C, H, W).
        generators: One an image, for noise.
        size: Height and width of the noise, a layer's.
    """
    height, width = images.shape[-2:]
    return {
        ("random", ""): random_maps(generators, size=size).to(images.device),
        ("centre", ""): centre_map(size=(height, width)).to(images.device).expand(len(images), height, width),
        ("image", ""): images.abs().mean(1),
    }


def localisation_of(validation: MapScorer, test: MapScorer) -> Localisation:
    """What a record keeps: layers and thresholds chosen on validation images, scores of test images.

    Of the attention modules the one counts whose maps have the most energy on the objects of validation images; each
    threshold is the one of the largest mean overlap there.

    Args:
        validation: Scores of validation images.
        test: Scores of test images.
    """
    mean_energy = {key: float(validation.energy(key).mean()) for key in validation.kinds}
    mean_overlap = {key: validation.overlap(key).mean(0) for key in validation.kinds}
    layers = [key for key in validation.kinds if key[0] == "attention"]
    best = [max(layers, key=lambda key: mean_energy[key])] if layers else []
    kept = [*best, *(key for key in validation.kinds if key[0] != "attention")]
    return Localisation(
        num_images=len(test.object_shares),
        num_validation_images=len(validation.object_shares),
        object_share=float(test.object_shares.mean()),
        maps=tuple(_map_scores(key, test, int(mean_overlap[key].argmax())) for key in kept),
        layers=tuple(
            LayerScores(layer=key[1], energy=mean_energy[key], iou=float(mean_overlap[key].max())) for key in layers
        ),
    )


def _map_scores(key: MapKey, test: MapScorer, threshold: int) -> MapScores:
    kind, layer = key
    return MapScores(
        kind=kind,
        layer=layer,
        threshold=THRESHOLDS[threshold],
        energy=_packed(test.energy(key)),
        iou=_packed(test.overlap(key)[:, threshold]),
    )


def _packed(scores: NDArray[np.float64]) -> PackedIntegers:
    return PackedIntegers.pack(np.rint(STEPS * scores).astype(np.int64))
