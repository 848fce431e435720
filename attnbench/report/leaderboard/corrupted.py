"""What the variants of a leaderboard get right on corrupted test images."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.record import Record
from attnbench.report.leaderboard.differences import clusters_of
from attnbench.report.leaderboard.scores import BySeed, Score, scores_of
from attnbench.robustness_record import Corrupted
from attnbench.spec import Corruption


@dataclass(frozen=True, kw_only=True)
class CorruptedTop1:
    """Accuracy of a variant on images that were corrupted in one way."""

    top1: Score
    """Mean over the strengths, without the clean images, percent."""
    retained_percent: float | None
    """The same as a part of the accuracy on clean images; none where that is 0."""


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Accuracies of all variants of a leaderboard on corrupted images."""

    strengths: Mapping[Corruption, tuple[float, ...]]
    """Strengths of each corruption in its own unit, growing."""
    variants: Mapping[str, Mapping[Corruption, CorruptedTop1]]
    """Of each variant, by corruption."""


def robustness(variants: Mapping[str, Sequence[Record]], *, baseline: str | None) -> Robustness | None:
    """Accuracies under each corruption; nothing where none was asked for.

    Args:
        variants: Records of each variant by name, one a seed, all of one group of `comparable`.
        baseline: Which of them the others are compared with.
    """
    records = [record for members in variants.values() for record in members]
    strengths = strengths_of(records)
    if not strengths:
        return None
    scores = scores_of(
        {
            (corruption, name): _mean_over_strengths(members, corruption)
            for corruption in strengths
            for name, members in variants.items()
        },
        baseline=baseline,
        compared=tuple(strengths),
        clusters=clusters_of(records),
    )
    return Robustness(
        strengths=strengths,
        variants={
            name: {corruption: _top1(scores[corruption, name], members) for corruption in strengths}
            for name, members in variants.items()
        },
    )


def _top1(top1: Score, records: Sequence[Record]) -> CorruptedTop1:
    clean = float(np.mean([record.values.test_top1_percent for record in records]))
    return CorruptedTop1(top1=top1, retained_percent=100 * top1.percent / clean if clean else None)


def strengths_of(records: Iterable[Record]) -> dict[Corruption, tuple[float, ...]]:
    """Strengths of each corruption, which all records of a leaderboard have in common."""
    passes = next((record.robustness for record in records if record.robustness), ())
    names = dict.fromkeys(corrupted.corruption for corrupted in passes)
    return {name: tuple(found.strength for found in passes if found.corruption == name) for name in names}


def top1_by_strength(variants: Mapping[str, Sequence[Record]]) -> dict[Corruption, dict[str, tuple[Score, ...]]]:
    """Accuracy of each variant under each corruption: on clean images, and then at each strength."""
    records = [record for members in variants.values() for record in members]
    steps = {
        corruption: {f"{corruption} {strength!r}" if strength else "clean": strength for strength in (0.0, *strengths)}
        for corruption, strengths in strengths_of(records).items()
    }
    values = {
        (what, name): _at_strength(members, corruption, strength)
        for corruption, found in steps.items()
        for what, strength in found.items()
        for name, members in variants.items()
    }
    scores = scores_of(values, clusters=clusters_of(records))
    return {
        corruption: {name: tuple(scores[what, name] for what in found) for name in variants}
        for corruption, found in steps.items()
    }


def _mean_over_strengths(records: Sequence[Record], corruption: Corruption) -> BySeed:
    """Of each seed and image how often it was right, percent of the strengths."""
    found: dict[int, NDArray[np.float64]] = {}
    for record in records:
        passes = _passes(record, corruption)
        counts = np.sum([corrupted.test_correct.unpack() for corrupted in passes], axis=0)
        found[record.spec.seed] = counts * (100.0 / len(passes))
    return found


def _at_strength(records: Sequence[Record], corruption: Corruption, strength: float) -> BySeed:
    """Right answers of each seed, 100 each; those on clean images at strength 0."""
    bits = {
        record.spec.seed: record.test_correct
        if not strength
        else next(found.test_correct for found in _passes(record, corruption) if found.strength == strength)
        for record in records
    }
    return {seed: np.where(correct.unpack(), 100.0, 0.0) for seed, correct in bits.items()}


def _passes(record: Record, corruption: Corruption) -> list[Corrupted]:
    return [found for found in record.robustness or () if found.corruption == corruption]
