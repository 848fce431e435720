"""Every two variants of a leaderboard beside each other: how far apart, how surely, and what could have been seen.

Two families of comparisons are corrected by Holm's procedure, each for itself: every variant against the
baseline, which decides about stars, and every pair, which decides about rank letters. The second is the larger
one, so a variant may be shown to differ from the baseline and yet share a letter with it.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from attnbench.record import Record
from attnbench.stats import (
    CrossedInterval,
    PairedTest,
    holm_adjusted,
    paired_accuracy_test,
    pairwise_accuracy_intervals,
    permutation_test,
    permutation_tests,
    smallest_detectable_difference,
)

ALPHA = 0.05
"""Level of a family of comparisons."""
POWER = 0.8
"""Probability with which the smallest detectable difference would have been shown."""

_Correct: TypeAlias = Mapping[int, NDArray[np.bool_]]
"""Of each seed, whether each test image was classified correctly, (num_images,)."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A score of a variant less that of another, in percentage points, over the seeds that both have.

    Where nothing else is said the score is the top-1 accuracy on the test split.
    """

    variant: str
    """What is compared."""
    other: str
    """What it is compared with."""
    mean: float
    """Mean over seeds and test images."""
    low: float
    """Lower end of the 95 % interval over seeds and test images."""
    high: float
    """Upper end of it."""
    seeds: tuple[int, ...]
    """Seeds that both have, sorted. Of one seed, interval and test say nothing of other seeds."""
    deviation: float | None
    """Standard deviation of the difference over seeds; none for one seed."""
    test: PairedTest
    """The test that there is no difference."""
    p_corrected: float
    """Its p-value after Holm's correction over the family."""
    family_size: int
    """Comparisons in the family."""

    @property
    def is_over_seeds(self) -> bool:
        """Whether the test tells of the modules, and not of two trained networks alone."""
        return len(self.seeds) > 1

    @property
    def is_shown(self) -> bool:
        """Whether it passed the correction, over seeds."""
        return self.is_over_seeds and self.p_corrected <= ALPHA

    @property
    def is_shown_for_networks(self) -> bool:
        """Whether the two networks of one seed differ on these images, after the correction."""
        return not self.is_over_seeds and self.p_corrected <= ALPHA

    @property
    def can_be_shown(self) -> bool:
        """Whether these many seeds could show any difference in this family, however large."""
        return self.is_over_seeds and self.test.can_reach(ALPHA, self.family_size)

    @property
    def smallest_detectable(self) -> float | None:
        """Points that this design would have shown with 80 % probability; infinite if none, none for one seed."""
        if self.deviation is None:
            return None
        return smallest_detectable_difference(
            self.deviation, len(self.seeds), alpha=ALPHA, num_tests=self.family_size, power=POWER
        )


def all_differences(variants: Mapping[str, Sequence[Record]]) -> list[Difference]:
    """Every pair that shares a seed, the earlier variant compared with the later, corrected as one family.

    Args:
        variants: Records of each variant by name, one a seed, all of the same test images.
    """
    correct = {
        name: {record.spec.seed: record.test_correct.unpack() for record in records}
        for name, records in variants.items()
    }
    shared = {
        (one, other): tuple(sorted(correct[one].keys() & correct[other].keys()))
        for one, other in itertools.combinations(correct, 2)
    }
    clusters = clusters_of([record for records in variants.values() for record in records])
    pairs = {pair: seeds for pair, seeds in shared.items() if seeds}
    intervals = _intervals(correct, pairs, clusters)
    tests = _tests(correct, pairs, clusters)
    return corrected([_difference(pair, pairs[pair], correct, intervals[pair], tests[pair]) for pair in pairs])


def against(differences: Sequence[Difference], other: str) -> list[Difference]:
    """Of all pairs those with one variant, turned so that it stands second, corrected as a family of their own."""
    found = [difference for difference in differences if other in (difference.variant, difference.other)]
    return corrected([difference if difference.other == other else turned(difference) for difference in found])


def turned(difference: Difference) -> Difference:
    """The same comparison with the other variant first."""
    return replace(
        difference,
        variant=difference.other,
        other=difference.variant,
        mean=0.0 - difference.mean,  # not −mean, which of 0 is −0
        low=0.0 - difference.high,
        high=0.0 - difference.low,
    )


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences as one family: Holm's correction over them and no others.

    Tests over images, of one seed, ask another question, and are a family of their own.
    """
    adjusted: dict[int, tuple[float, int]] = {}
    for over_seeds in (True, False):
        family = [place for place, found in enumerate(differences) if found.is_over_seeds == over_seeds]
        p_values = holm_adjusted([differences[place].test.p_value for place in family])
        adjusted |= {place: (p_value, len(family)) for place, p_value in zip(family, p_values, strict=True)}
    return [
        replace(found, p_corrected=adjusted[place][0], family_size=adjusted[place][1])
        for place, found in enumerate(differences)
    ]


def counts_test(counts: Mapping[int, int], others: Mapping[int, int]) -> PairedTest | None:
    """The test over seeds of two variants; none where they share fewer than two.

    Args:
        counts: Right answers of one variant by seed.
        others: Of the other, of the same test images.
    """
    seeds = sorted(counts.keys() & others.keys())
    if len(seeds) < 2:
        return None
    return permutation_test([counts[seed] for seed in seeds], [others[seed] for seed in seeds])


def clusters_of(records: Sequence[Record]) -> NDArray[np.int64] | None:
    """Of each test image the source it was made from; none if each stands for itself."""
    # Records of before there were sources are of the same images, and say nothing of them.
    sources = next((record.test_sources for record in records if record.test_sources is not None), None)
    return None if sources is None else sources.unpack()


def _tests(
    correct: Mapping[str, _Correct],
    pairs: Mapping[tuple[str, str], tuple[int, ...]],
    clusters: NDArray[np.int64] | None,
) -> dict[tuple[str, str], PairedTest]:
    # Whole numbers of images, so that equal sums are equal.
    counts = {name: {seed: int(bits.sum()) for seed, bits in seeds.items()} for name, seeds in correct.items()}
    tests: dict[tuple[str, str], PairedTest] = {}
    for seeds in dict.fromkeys(pairs.values()):
        wanted = [pair for pair in pairs if pairs[pair] == seeds]
        if len(seeds) == 1:
            for one, other in wanted:
                stacked = (_stacked(correct[name], seeds) for name in (one, other))
                tests[one, other] = paired_accuracy_test(*stacked, clusters=clusters)
            continue
        rows = [[counts[one][seed] - counts[other][seed] for seed in seeds] for one, other in wanted]
        tests |= zip(wanted, permutation_tests(np.array(rows, dtype=np.float64)), strict=True)
    return tests


def _intervals(
    correct: Mapping[str, _Correct],
    pairs: Mapping[tuple[str, str], tuple[int, ...]],
    clusters: NDArray[np.int64] | None,
) -> dict[tuple[str, str], CrossedInterval]:
    intervals: dict[tuple[str, str], CrossedInterval] = {}
    # All pairs over the same seeds at once: the images are drawn once, and each gets the interval that it has alone.
    for seeds in dict.fromkeys(pairs.values()):
        wanted = {pair for pair in pairs if pairs[pair] == seeds}
        names = [name for name in correct if any(name in pair for pair in wanted)]
        stacked = np.stack([_stacked(correct[name], seeds) for name in names])
        found = pairwise_accuracy_intervals(stacked, clusters=clusters)
        named = {(names[one], names[other]): interval for (one, other), interval in found.items()}
        intervals |= {pair: named[pair] for pair in wanted}
    return intervals


def _difference(
    pair: tuple[str, str],
    seeds: tuple[int, ...],
    correct: Mapping[str, _Correct],
    interval: CrossedInterval,
    test: PairedTest,
) -> Difference:
    one, other = (np.array([correct[name][seed].mean() for seed in seeds]) for name in pair)
    return Difference(
        variant=pair[0],
        other=pair[1],
        mean=100 * interval.mean,
        low=100 * interval.low,
        high=100 * interval.high,
        seeds=seeds,
        deviation=100 * float(np.std(one - other, ddof=1)) if len(seeds) > 1 else None,
        test=test,
        p_corrected=math.nan,
        family_size=0,
    )


def _stacked(correct: _Correct, seeds: Sequence[int]) -> NDArray[np.bool_]:
    return np.stack([correct[seed] for seed in seeds])
