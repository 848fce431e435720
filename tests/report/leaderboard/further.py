"""Records with localisation and robustness like that of real ones."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from attnbench.localisation_record import Localisation, MapKind
from attnbench.packed import PackedBits
from attnbench.record import Record
from attnbench.report.leaderboard.board import Leaderboard, leaderboard
from attnbench.robustness_record import Corrupted
from attnbench.spec import Corruption
from tests.records import make_localisation, make_record

STRENGTHS: dict[Corruption, tuple[float, ...]] = {
    "noise": (0.25, 0.5, 1.0),
    "blur": (0.5, 1.0, 2.0),
    "occlusion": (0.1, 0.2, 0.4),
    "clutter": (0.125, 0.25, 0.5),
}
NUM_IMAGES = 400
NUM_LOCALISED = 80


def localisation_of(place: int, seed: int, *, has_attention: bool = True) -> Localisation:
    """Maps of the variant at a place, of which each next one has 3 points more on the object."""
    images = 0.1 * np.random.default_rng(1).random(NUM_LOCALISED)
    own = np.random.default_rng([place, seed]).normal(0.0, 0.005, NUM_LOCALISED)
    energies: dict[MapKind, Any] = {"grad-cam": 0.3 + 0.03 * place + images + own}
    if has_attention:
        energies["attention"] = 0.15 + 0.03 * place + images + own
    energies |= {"random": 0.12 + images, "centre": 0.2 + images, "image": 0.16 + images}
    return make_localisation(energies, layer="layer3.2" if seed else "layer2.2")


def robustness_of(place: int, seed: int, corruptions: Sequence[Corruption] = tuple(STRENGTHS)) -> tuple[Corrupted, ...]:
    """Right answers of the variant at a place, of which each next one has 4 points more."""
    difficulty = np.random.default_rng(2).random(NUM_IMAGES)
    own = np.random.default_rng([place, seed]).normal(0.0, 0.02, NUM_IMAGES)
    return tuple(
        Corrupted(
            corruption=corruption,
            strength=strength,
            test_correct=PackedBits.pack(difficulty + own < 0.8 + 0.04 * place - 0.15 * step),
        )
        for corruption in corruptions
        for step, strength in enumerate(STRENGTHS[corruption], 1)
    )


def further_records(
    names: Sequence[str] = ("none", "se", "sge"),
    *,
    num_seeds: int = 7,
    localises: bool = True,
    corrupts: bool = True,
    **fields: Any,
) -> list[Record]:
    """Records of variants, the first of which has no attention maps."""
    difficulty = np.random.default_rng(2).random(NUM_IMAGES)
    return [
        make_record(
            name,
            seed,
            correct=difficulty < 0.85 + 0.01 * seed / num_seeds,
            localisation=localisation_of(place, seed, has_attention=place > 0) if localises else None,
            robustness=robustness_of(place, seed) if corrupts else None,
            **fields,
        )
        for place, name in enumerate(names)
        for seed in range(num_seeds)
    ]


@cache
def further_board(num_seeds: int = 7) -> Leaderboard:
    """The leaderboard of such records."""
    return leaderboard(further_records(num_seeds=num_seeds))
