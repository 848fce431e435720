"""Intervals of a ratio of two medians whose samples were not taken beside each other.

Two measurements, on two machines or on two days, have no rounds in common. So the rounds of each are
drawn anew by themselves, in blocks as `attnbench.stats.bootstrap` draws them:

    θ̂  = median(samples) / median(baseline)
    θ* = median(samples*) / median(baseline*)

and the interval lies between wider percentiles of θ* for few blocks, as there. Each series lacks
variance by its own number of blocks k, and the degrees of freedom of their sum are those of B. L. Welch:
"The Generalization of 'Student's' Problem when Several Different Population Variances are Involved"
(1947), https://doi.org/10.1093/biomet/34.1-2.28, with v the variances of the logarithms of both medians:

    (v₁ + v₂)² / (v₁² / (k₁ − 1) + v₂² / (k₂ − 1))

What the interval cannot know: how much two measurements differ that each stayed the same throughout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.stats.bootstrap import (
    block_length,
    check_settings,
    has_interval,
    positive_series,
    resampled_medians,
    widened_tail,
)

_ROUNDING = 1e-32
"""Variance of a logarithm by rounding alone."""


@dataclass(frozen=True)
class UnpairedRatio:
    """The ratio of two medians, with a bootstrap interval."""

    ratio: float
    """Median of the samples over that of the baseline's."""
    low: float
    """Lower end of the interval; 0 where there are too few samples for one."""
    high: float
    """Upper end of the interval; infinite where there are too few samples for one."""
    confidence: float
    """Probability that such an interval covers the true ratio, in (0, 1)."""
    num_samples: tuple[int, int]
    """How many samples, and how many of the baseline."""
    block_lengths: tuple[int, int]
    """Neighbouring samples that were drawn together, of both."""

    @property
    def has_interval(self) -> bool:
        """Whether there were enough samples for an interval."""
        return math.isfinite(self.high)

    def contains(self, ratio: float) -> bool:
        """Whether a ratio lies in the interval, its ends included."""
        return self.low <= ratio <= self.high


def unpaired_ratio_interval(
    samples: Sequence[float],
    baseline: Sequence[float],
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> UnpairedRatio:
    """Ratio of two medians with a block-bootstrap interval, for series that need not be of one length.

    Args:
        samples: Positive numbers, such as milliseconds or ratios, in the order in which they were taken.
        baseline: The other measurement's, likewise.
        confidence: Coverage of the interval, in (0, 1).
        num_resamples: How often each series is drawn anew, at least 100.
        seed: Of the drawing; one seed gives one interval.

    Returns:
        The interval. It is 0 … ∞ while a series is too short for one; 95 % takes six samples of each.

    Raises:
        SpecError: If a series is empty, a number is not positive and finite, or a setting is out of range.

    >>> result = unpaired_ratio_interval([2.2, 2.1, 2.3, 2.2, 2.3, 2.2, 2.1], [2, 2.1, 1.9, 2, 2.1, 2])
    >>> print(f"{result.ratio:.3f} in {result.low:.3f} … {result.high:.3f}")
    1.100 in 1.018 … 1.158
    """
    check_settings(confidence, num_resamples)
    both = [positive_series(samples), positive_series(baseline)]
    if not all(len(series) for series in both):
        raise SpecError(f"a ratio of medians needs a sample of both; got {len(samples)} and {len(baseline)}")
    upper, lower = (float(np.median(series)) for series in both)
    counts = (len(samples), len(baseline))
    lengths = (block_length(both[0]), block_length(both[1]))
    low, high = 0.0, math.inf
    if all(has_interval(count, confidence) for count in counts):
        generator = np.random.default_rng(seed)
        logs = [
            np.log(resampled_medians(series, length, num_resamples, generator))
            for series, length in zip(both, lengths, strict=True)
        ]
        tail = _tail(confidence, logs, [count / length for count, length in zip(counts, lengths, strict=True)])
        low, high = (float(end) for end in np.exp(np.quantile(logs[0] - logs[1], [tail, 1 - tail])))
    return UnpairedRatio(upper / lower, low, high, confidence, counts, lengths)


def _tail(confidence: float, logs: Sequence[NDArray[np.float64]], num_blocks: Sequence[float]) -> float:
    """The share of resamples beyond each end of the interval, by Welch's degrees of freedom."""
    # Where both stand still there is nothing to weigh; rounding is as good as any weight.
    variances = [max(float(np.var(series)), _ROUNDING) for series in logs]
    lacking = [variance * count / (count - 1) for variance, count in zip(variances, num_blocks, strict=True)]
    degrees = sum(variances) ** 2 / sum(
        variance**2 / (count - 1) for variance, count in zip(variances, num_blocks, strict=True)
    )
    return widened_tail(confidence, degrees=degrees, variance_ratio=sum(lacking) / sum(variances))
