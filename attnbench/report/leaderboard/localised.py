"""Where the maps of a leaderboard's variants lie: their share on the object, beside controls that know no model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.localisation_record import STEPS, MapKind, MapScores
from attnbench.packed import PackedIntegers
from attnbench.record import Record
from attnbench.report.leaderboard.differences import clusters_of
from attnbench.report.leaderboard.scores import BySeed, Score, ScoreKey, scores_of

OF_MODELS: tuple[MapKind, ...] = ("grad-cam", "attention")
"""Kinds of maps that a model makes."""
CONTROLS: tuple[MapKind, ...] = ("random", "centre", "image")
"""Kinds that know nothing of it."""


@dataclass(frozen=True, kw_only=True)
class LocalisedMap:
    """One kind of map, over seeds and the first test images."""

    energy: Score
    """Share of a map's sum that lies on the object, percent. Differences to the baseline are of Grad-CAM alone."""
    iou: Score
    """Intersection over union of the thresholded map and the object, percent."""
    layers: tuple[str, ...]
    """Whose maps they are after each seed, in their order; empty for a control."""


@dataclass(frozen=True, kw_only=True)
class Localised:
    """Where the maps of all variants of a leaderboard lie."""

    num_images: int
    """Test images that were scored, the first ones."""
    num_validation_images: int
    """Validation images by which layers and thresholds were chosen."""
    object_share_percent: float
    """Mean share of a test image's pixels that are the object's; what a map that is the same everywhere has on it."""
    variants: Mapping[str, Mapping[MapKind, LocalisedMap]]
    """Maps of each variant; a kind that it has not is not there."""
    controls: Mapping[MapKind, LocalisedMap]
    """Maps that know nothing of the model, over the same seeds."""


def localised(variants: Mapping[str, Sequence[Record]], *, baseline: str | None) -> Localised | None:
    """Where the maps of the variants lie; nothing where it was not asked for.

    Args:
        variants: Records of each variant by name, one a seed, all of one group of `comparable`.
        baseline: Which of them the others are compared with.
    """
    records = [record for members in variants.values() for record in members]
    found = next((record.localisation for record in records if record.localisation is not None), None)
    if found is None:
        return None
    sources = clusters_of(records)
    clusters = None if sources is None else sources[: found.num_images]
    by_variant = {(kind, name): _of_records(members, kind) for name, members in variants.items() for kind in OF_MODELS}
    # The same for every variant but for its seed, so all variants of a seed count as one.
    of_controls = {(kind, ""): _of_records(records, kind) for kind in CONTROLS}
    maps = _maps({**by_variant, **of_controls}, baseline, clusters)
    return Localised(
        num_images=found.num_images,
        num_validation_images=found.num_validation_images,
        object_share_percent=100 * found.object_share,
        variants={
            name: {kind: maps[kind, name] for kind in OF_MODELS if (kind, name) in maps} for name in variants
        },
        controls={kind: maps[kind, ""] for kind in CONTROLS if (kind, "") in maps},
    )  # fmt: skip


def _of_records(records: Sequence[Record], kind: MapKind) -> dict[int, list[MapScores]]:
    """One kind of map by seed."""
    found: dict[int, list[MapScores]] = {}
    for record in records:
        maps = record.localisation.maps if record.localisation is not None else ()
        for scores in maps:
            if scores.kind == kind:
                found.setdefault(record.spec.seed, []).append(scores)
    return found


def _maps(
    found: Mapping[tuple[MapKind, str], Mapping[int, list[MapScores]]],
    baseline: str | None,
    clusters: NDArray[np.int64] | None,
) -> dict[tuple[MapKind, str], LocalisedMap]:
    """The maps of each kind and variant that there are."""
    there = {key: by_seed for key, by_seed in found.items() if by_seed}
    values: dict[ScoreKey, BySeed] = {}
    for (kind, name), by_seed in there.items():
        values[f"{kind} energy", name] = _values(by_seed, lambda scores: scores.energy)
        values[f"{kind} iou", name] = _values(by_seed, lambda scores: scores.iou)
    scores = scores_of(values, baseline=baseline, compared=("grad-cam energy",), clusters=clusters)
    return {
        (kind, name): LocalisedMap(
            energy=scores[f"{kind} energy", name],
            iou=scores[f"{kind} iou", name],
            layers=tuple(by_seed[seed][0].layer for seed in sorted(by_seed)),
        )
        for (kind, name), by_seed in there.items()
    }


def _values(by_seed: Mapping[int, list[MapScores]], part: Callable[[MapScores], PackedIntegers]) -> BySeed:
    """Percent of each image, the mean where a seed has several."""
    return {
        seed: np.mean([part(scores).unpack() for scores in maps], axis=0) * (100 / STEPS)
        for seed, maps in by_seed.items()
    }
