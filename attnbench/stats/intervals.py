"""Intervals of a mean over seeds, and ratios of interleaved timings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# scipy.stats has the same quantile and takes a second to import.
from scipy.special import ndtri, stdtrit

from attnbench.errors import SpecError

# An interval this narrow beside its mean comes of samples that agree but for rounding, float32's included.
_NO_SPREAD = 1e-3


@dataclass(frozen=True)
class Interval:
    """A mean with a confidence interval, in the unit of its samples."""

    mean: float
    """Mean of the samples."""
    half_width: float | None
    """Half the interval's width; none for a single sample, which has no spread."""
    num_samples: int
    """How many samples."""
    confidence: float
    """Probability that such an interval covers the true mean, in (0, 1)."""

    @property
    def has_spread(self) -> bool:
        """Whether the samples differ by more than rounding."""
        return self.half_width is not None and self.half_width > _NO_SPREAD * abs(self.mean)

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval.

        False for samples without spread. Accuracies move in steps of one test
        image, so that a few seeds can agree by chance; what they leave unknown
        is not certainty.
        """
        return self.half_width is not None and self.has_spread and abs(self.mean) > self.half_width


@dataclass(frozen=True)
class Ratio:
    """The median of pairwise ratios, with their quartiles."""

    median: float
    """Median of the ratios."""
    lower_quartile: float
    """A quarter of the ratios lie below."""
    upper_quartile: float
    """A quarter of the ratios lie above."""
    num_pairs: int
    """How many ratios."""


def t_interval(samples: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval of a mean, for few samples of about normal distribution.

    Args:
        samples: One number a seed.
        confidence: Coverage of the interval, in (0, 1).

    Returns:
        The interval, in the samples' unit; without `half_width` for one sample.

    Raises:
        SpecError: If there is no sample, or the confidence is out of range.

    >>> interval = t_interval([1.0, 2.0, 3.0])
    >>> print(f"{interval.mean:.1f} ± {interval.half_width:.3f}")
    2.0 ± 2.484
    >>> t_interval([85.0]).half_width is None
    True
    """
    if not samples:
        raise SpecError("a mean needs at least one sample; got none")
    if not 0 < confidence < 1:
        raise SpecError(f"confidence must lie in (0, 1); got confidence={confidence!r}")
    num_samples = len(samples)
    half_width = None
    if num_samples > 1:
        standard_error = float(np.std(samples, ddof=1)) / num_samples**0.5
        half_width = float(stdtrit(num_samples - 1, (1 + confidence) / 2)) * standard_error
    return Interval(float(np.mean(samples)), half_width, num_samples, confidence)


def paired_t_interval(samples: Sequence[float], baseline: Sequence[float], confidence: float = 0.95) -> Interval:
    """Student's t interval of the mean difference ``samples - baseline``.

    Pairs share a seed, so what the seed does to both of them cancels.

    Args:
        samples: One number a seed.
        baseline: The baseline's numbers, in the same order of seeds.
        confidence: Coverage of the interval, in (0, 1).

    Raises:
        SpecError: If the lengths differ, there is no pair, or the confidence is out of range.

    >>> interval = paired_t_interval([86.0, 88.0, 87.5], [85.0, 86.0, 86.0])
    >>> print(f"{interval.mean:+.1f} ± {interval.half_width:.3f}", interval.excludes_zero)
    +1.5 ± 1.242 True
    """
    _check_pairs(samples, baseline)
    return t_interval([sample - other for sample, other in zip(samples, baseline, strict=True)], confidence)


def median_ratio(numerator: Sequence[float], denominator: Sequence[float]) -> Ratio:
    """Median and quartiles of the pairwise ratios ``numerator / denominator``.

    Timings taken in turn, one of each, drift together when the machine does;
    the ratio of neighbours is free of that drift, and the median of outliers.

    Args:
        numerator: Positive numbers, such as milliseconds.
        denominator: Positive numbers of the same unit, each taken beside its numerator.

    Returns:
        The ratios' median and quartiles, by linear interpolation between ranks.

    Raises:
        SpecError: If the lengths differ, there is no pair, or a number is not positive.

    >>> median_ratio([2.0, 3.0, 8.0], [2.0, 2.0, 4.0])
    Ratio(median=1.5, lower_quartile=1.25, upper_quartile=1.75, num_pairs=3)
    """
    _check_pairs(numerator, denominator)
    if not (numerator and min(*numerator, *denominator) > 0):
        raise SpecError(
            f"a ratio of timings needs positive numbers; got numerator={numerator!r}, denominator={denominator!r}"
        )
    lower, median, upper = np.percentile(np.divide(numerator, denominator), [25, 50, 75])
    return Ratio(float(median), float(lower), float(upper), len(numerator))


def proportion_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion, for independent trials.

    Args:
        successes: Trials that succeeded.
        trials: All trials, at least one.
        confidence: Coverage of the interval.

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        SpecError: If there are more successes than trials, or no trial.

    >>> tuple(round(end, 4) for end in proportion_interval(50, 100))
    (0.4038, 0.5962)
    """
    if not 0 <= successes <= trials or trials < 1:
        raise SpecError(f"successes must lie in 0 … trials, of which there is one; got {successes} of {trials}")
    z, share = float(ndtri((1 + confidence) / 2)), successes / trials
    centre = share + z**2 / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def _check_pairs(first: Sequence[float], second: Sequence[float]) -> None:
    if len(first) != len(second):
        raise SpecError(f"pairs need two sequences of one length; got lengths {len(first)} and {len(second)}")
