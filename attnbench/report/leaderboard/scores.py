"""Scores beside the accuracy of a leaderboard: a number of every test image after every seed, and its mean.

Means and their paired differences to the baseline have intervals over seeds and test images, as the differences of
top-1 have. What is said of a difference is tested over seeds by permutation, as there; of one seed over its images, by
Student's paired t, as these numbers are no truth values that McNemar's test could count.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from attnbench.report.leaderboard.differences import Difference, corrected
from attnbench.stats import CrossedInterval, PairedTest, mean_intervals, permutation_tests

BySeed: TypeAlias = Mapping[int, NDArray[np.float64]]
"""Of each seed, a number of each test image in percent, (num_images,)."""
ScoreKey: TypeAlias = tuple[str, str]
"""What is scored, and the variant."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """A mean over seeds and test images, in percent."""

    percent: float
    """The mean."""
    low: float | None
    """Lower end of its 95 % interval; none where the images are too few for one."""
    high: float | None
    """Upper end of it."""
    seeds: tuple[int, ...]
    """Seeds that it is over, sorted. Of one seed the interval is over the images alone."""
    difference: Difference | None = None
    """To the baseline, corrected for all comparisons of this score with it; none where nothing is compared."""

    @property
    def is_central(self) -> bool:
        """Whether the mean is in the middle of its interval, but for a tenth of its width, or there is none."""
        if self.low is None or self.high is None:
            return True
        return abs(self.low + self.high - 2 * self.percent) <= 0.1 * (self.high - self.low)

    @property
    def half_width(self) -> float | None:
        """Half the interval's width."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def scores_of(
    values: Mapping[ScoreKey, BySeed],
    *,
    baseline: str | None = None,
    compared: Collection[str] = (),
    clusters: NDArray[np.int64] | None = None,
) -> dict[ScoreKey, Score]:
    """The score of each variant, for all that is scored.

    Args:
        values: Numbers of the same test images, which are drawn once for all of them; each of one seed or more.
        baseline: Which variant the others are compared with.
        compared: Of what there are differences to it; each is a family of its own.
        clusters: Of each image the source it was made from, (num_images,); none if each stands for itself.
    """
    own = {key: _stacked(by_seed, sorted(by_seed)) for key, by_seed in values.items()}
    shared = _shared_seeds(values, baseline, compared)
    paired = {
        (what, name): _stacked(values[what, name], seeds) - _stacked(values[what, str(baseline)], seeds)
        for (what, name), seeds in shared.items()
    }
    intervals = _intervals([*own.values(), *paired.values()], clusters)
    of_paired = dict(zip(paired, intervals[len(own) :], strict=True))
    differences: dict[ScoreKey, Difference] = {}
    for what in compared:
        family = [
            _difference(key[1], str(baseline), shared[key], paired[key], interval)
            for key, interval in of_paired.items()
            if key[0] == what and interval is not None
        ]
        differences |= {(what, found.variant): found for found in corrected(family)}
    return {
        key: Score(
            percent=float(row.mean()),
            # Means of percentages lie between these, whatever an interval of few seeds says.
            low=None if interval is None else max(0.0, interval.low),
            high=None if interval is None else min(100.0, interval.high),
            seeds=tuple(sorted(values[key])),
            difference=differences.get(key),
        )
        for (key, row), interval in zip(own.items(), intervals, strict=False)
    }


def _shared_seeds(
    values: Mapping[ScoreKey, BySeed], baseline: str | None, compared: Collection[str]
) -> dict[ScoreKey, list[int]]:
    """Seeds that each other variant has in common with the baseline, where there are any."""
    found = {
        (what, name): sorted(by_seed.keys() & values.get((what, str(baseline)), {}).keys())
        for (what, name), by_seed in values.items()
        if what in compared and baseline not in (None, name)
    }
    return {key: seeds for key, seeds in found.items() if seeds}


def _intervals(rows: Sequence[NDArray[np.float64]], clusters: NDArray[np.int64] | None) -> list[CrossedInterval | None]:
    """The interval of each row, (num_seeds, num_images); none where there are no two images or sources of them."""
    found: list[CrossedInterval | None] = [None] * len(rows)
    if not rows or (rows[0].shape[1] if clusters is None else len(np.unique(clusters))) < 2:
        return found
    for num_seeds in {len(row) for row in rows}:
        # All of as many seeds at once: the images are drawn once.
        places = [place for place, row in enumerate(rows) if len(row) == num_seeds]
        intervals = mean_intervals(np.stack([rows[place] for place in places]), clusters=clusters)
        for place, interval in zip(places, intervals, strict=True):
            found[place] = interval
    return found


def _difference(
    variant: str, other: str, seeds: Sequence[int], values: NDArray[np.float64], interval: CrossedInterval
) -> Difference:
    means = values.mean(1)
    if len(seeds) > 1:
        (test,) = permutation_tests(means[None])
    else:
        test = PairedTest(p_value=interval.p_value, smallest_p=0.0, num_seeds=1, method="t over images")
    return Difference(
        variant=variant,
        other=other,
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        seeds=tuple(seeds),
        deviation=float(np.std(means, ddof=1)) if len(seeds) > 1 else None,
        test=test,
        p_corrected=math.nan,
        family_size=0,
    )


def _stacked(by_seed: BySeed, seeds: Sequence[int]) -> NDArray[np.float64]:
    return np.stack([by_seed[seed] for seed in seeds])
