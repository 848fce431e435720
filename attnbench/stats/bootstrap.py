"""Intervals of a ratio of timings taken in rounds, by a bootstrap over blocks of rounds.

The rounds of one measurement are not independent: a program beside it, a clock that
throttles or a cache that fills meets many rounds in a row. So whole blocks of neighbouring
rounds are drawn, on a circle so that no round is drawn more seldom than another:

    r_i = samples_i / baseline_i
    θ̂   = median(r)
    θ*  = median of n rounds, made of blocks r_s … r_{s+l−1} with random starts s

H. R. Künsch: "The Jackknife and the Bootstrap for General Stationary Observations" (1989),
https://doi.org/10.1214/aos/1176347265, draws blocks; D. N. Politis and J. P. Romano: "A
Circular Block-Resampling Procedure for Stationary Data" (1992) closes the circle.

The block length l is chosen from the data as D. N. Politis and H. White: "Automatic
Block-Length Selection for the Dependent Bootstrap" (2004),
https://doi.org/10.1081/ETC-120028836, choose it for a mean. A median moves as the mean of
the signs of r − θ̂ does (its influence function), so it is their autocorrelation that chooses.
Theirs is the length of the least error in the variance. An interval that covers as often as it
says needs longer blocks, so it is doubled, and never less than √n; in simulations of
autocorrelated rounds that was worth its tenth of width. What no block can mend: rounds that
remain alike for as long as the whole measurement lasts.

An interval between percentiles of θ* is too narrow for few samples, as one of normal quantiles
is beside Student's. T. C. Hesterberg: "What Teachers Should Know About the Bootstrap" (2015),
https://doi.org/10.1080/00031305.2015.1089789, section 5.3, takes wider percentiles to make
up for it; here the number of blocks stands for the number of samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from attnbench.errors import SpecError

_FEWEST_BLOCKS = 4
"""Fewer say nothing of how blocks differ."""


@dataclass(frozen=True)
class RatioInterval:
    """The median of ratios taken in rounds, with a bootstrap interval."""

    median: float
    """Median of the rounds' ratios."""
    low: float
    """Lower end of the interval; 0 where there are too few rounds for one."""
    high: float
    """Upper end of the interval; infinite where there are too few rounds for one."""
    confidence: float
    """Probability that such an interval covers the true ratio, in (0, 1)."""
    num_rounds: int
    """How many rounds."""
    block_length: int
    """Neighbouring rounds that were drawn together."""

    @property
    def relative_half_width(self) -> float:
        """Half the interval's width as a part of the median: 0.01 is ±1 %."""
        return (self.high - self.low) / (2 * self.median)

    def contains(self, ratio: float) -> bool:
        """Whether a ratio lies in the interval, its ends included."""
        return self.low <= ratio <= self.high


def paired_ratio_interval(
    samples: Sequence[float],
    baseline: Sequence[float],
    *,
    confidence: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> RatioInterval:
    """Median of the rounds' ratios ``samples[i] / baseline[i]`` with a block-bootstrap interval.

    Args:
        samples: Positive numbers, such as milliseconds, one a round in the order of the rounds.
        baseline: The baseline's numbers of the same rounds.
        confidence: Coverage of the interval, in (0, 1).
        num_resamples: How often rounds are drawn anew, at least 100.
        seed: Of the drawing; one seed gives one interval.

    Returns:
        The interval. It is 0 … ∞ while even the extremes of that many independent rounds would
        not cover the median so often; 95 % takes six rounds.

    Raises:
        SpecError: If the lengths differ, there is no round, a number is not positive and finite,
            or a setting is out of range.

    >>> interval = paired_ratio_interval([2.2, 2.1, 4.4, 2.2, 2.3, 2.2, 2.1, 9.9], [2, 2, 4, 2, 2, 2, 2, 9])
    >>> print(f"{interval.median:.3f} in {interval.low:.3f} … {interval.high:.3f}, blocks of {interval.block_length}")
    1.100 in 1.075 … 1.125, blocks of 2
    """
    ratios = _ratios(samples, baseline)
    check_settings(confidence, num_resamples)
    median, num_rounds, length = float(np.median(ratios)), len(ratios), block_length(ratios)
    if not has_interval(num_rounds, confidence):
        return RatioInterval(median, 0.0, math.inf, confidence, num_rounds, length)
    medians = resampled_medians(ratios, length, num_resamples, np.random.default_rng(seed))
    num_blocks = num_rounds / length
    tail = widened_tail(confidence, degrees=num_blocks - 1, variance_ratio=num_blocks / (num_blocks - 1))
    low, high = np.quantile(medians, [tail, 1 - tail])
    return RatioInterval(median, float(low), float(high), confidence, num_rounds, length)


def block_length(ratios: NDArray[np.float64]) -> int:
    """How many neighbouring rounds are drawn together: √n, or twice Politis and White's length where that is more.

    At most a quarter of the rounds.

    Args:
        ratios: The series, (num_rounds,).
    """
    num_rounds = len(ratios)
    length = max(math.sqrt(num_rounds), 2 * _politis_white_length(np.sign(ratios - np.median(ratios))))
    return max(1, min(math.ceil(length), num_rounds // _FEWEST_BLOCKS))


def _politis_white_length(series: NDArray[np.float64]) -> float:
    """The best block length for the variance of a series' mean; 0 where no correlation shows."""
    num_rounds = len(series)
    covariances = _autocovariances(series - series.mean())
    if num_rounds < 2 or covariances[0] == 0:
        return 0.0
    last_lag = 2 * _last_correlated_lag(covariances / covariances[0], num_rounds)
    lags = np.arange(1, min(last_lag, num_rounds - 1) + 1)
    # Their flat-top window: 1 up to half the last lag, then falling to 0.
    weighted = np.minimum(1, 2 * (1 - lags / max(1, last_lag))) * covariances[lags]
    spectrum = covariances[0] + 2 * weighted.sum()
    slope = 2 * (lags * weighted).sum()
    return float((1.5 * (slope / spectrum) ** 2 * num_rounds) ** (1 / 3)) if spectrum > 0 else 0.0


def _last_correlated_lag(correlations: NDArray[np.float64], num_rounds: int) -> int:
    """The lag after which a run of correlations is within noise."""
    run = max(5, math.ceil(math.sqrt(math.log10(num_rounds))))
    noise = 2 * math.sqrt(math.log10(num_rounds) / num_rounds)
    correlated = np.abs(correlations[1:]) >= noise
    for lag in range(len(correlated)):
        if not correlated[lag : lag + run].any():
            return lag
    return len(correlated)


def _autocovariances(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    num_rounds = len(centred)
    spectrum = np.fft.rfft(centred, 2 * num_rounds)
    return np.fft.irfft(np.abs(spectrum) ** 2)[:num_rounds] / num_rounds


def resampled_medians(
    ratios: NDArray[np.float64], length: int, num_resamples: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Medians of series made of blocks, (num_resamples,).

    Args:
        ratios: The series, (num_rounds,).
        length: Neighbouring rounds that are drawn together.
        num_resamples: How often rounds are drawn anew.
        generator: Draws them.
    """
    num_rounds = len(ratios)
    # Ranks in the smallest type that holds them sort several times faster than numbers.
    ranks = np.argsort(np.argsort(ratios)).astype(np.min_scalar_type(num_rounds))
    blocks = np.lib.stride_tricks.sliding_window_view(np.concatenate([ranks, ranks[: length - 1]]), length)
    starts = generator.integers(num_rounds, size=(num_resamples, -(-num_rounds // length)))
    drawn = np.sort(blocks[starts].reshape(num_resamples, -1)[:, :num_rounds], axis=1)
    middle = np.sort(ratios)[drawn[:, [(num_rounds - 1) // 2, num_rounds // 2]]]
    return np.asarray(middle.mean(axis=1))


def has_interval(num_rounds: int, confidence: float) -> bool:
    """Whether the extremes of that many independent rounds cover the median so often; 95 % takes six."""
    return 2 * 0.5**num_rounds <= 1 - confidence


def widened_tail(confidence: float, *, degrees: float, variance_ratio: float) -> float:
    """Hesterberg's share of resamples beyond each end of the interval.

    Args:
        confidence: Coverage of the interval, in (0, 1).
        degrees: Degrees of freedom of Student's t.
        variance_ratio: What the resamples' variance lacks, as the factor that makes up for it.
    """
    return float(ndtr(-math.sqrt(variance_ratio) * stdtrit(degrees, (1 + confidence) / 2)))


def check_settings(confidence: float, num_resamples: int) -> None:
    """Hold the settings of a bootstrap to their range.

    Raises:
        SpecError: If one is out of it.
    """
    if not 0 < confidence < 1:
        raise SpecError(f"confidence must lie in (0, 1); got confidence={confidence!r}")
    if num_resamples < 100:
        raise SpecError(f"num_resamples must be at least 100; got num_resamples={num_resamples!r}")


def _ratios(samples: Sequence[float], baseline: Sequence[float]) -> NDArray[np.float64]:
    if len(samples) != len(baseline):
        raise SpecError(f"rounds need a sample of both; got {len(samples)} samples and {len(baseline)} of the baseline")
    if not len(samples):
        raise SpecError("a ratio needs at least one round; got none")
    return positive_series(samples) / positive_series(baseline)


def positive_series(samples: Sequence[float]) -> NDArray[np.float64]:
    """Samples as an array, (num_rounds,).

    Raises:
        SpecError: If a number is not positive and finite.
    """
    series = np.array(samples, dtype=np.float64)
    fits = np.isfinite(series) & (series > 0)
    if not fits.all():
        raise SpecError(
            f"a ratio of timings needs positive, finite numbers; got {float(series[~fits][0])!r} among them"
        )
    return series
