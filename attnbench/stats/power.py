"""The smallest difference that a number of seeds could have shown, and the seeds that a difference takes.

The test is the permutation test over seeds, at the level of the first step of Holm's correction: α
over the number of comparisons. Differences between seeds are taken as normal, of one deviation σ.

Of 2ⁿ⁻¹ choices of signs, level · 2ⁿ⁻¹ may be as extreme as the observed one, rounded down to a
whole number k. Where k is 0 no difference is ever shown, and the answer is infinite. Where k is
large the test rejects as Student's of level k / 2ⁿ⁻¹ does, and its power is that of the
noncentral t, which D. B. Owen: "A Survey of Properties and Applications of the Noncentral
t-Distribution" (1968), https://doi.org/10.1080/00401706.1968.10490607, describes. Where k is small
that promises too much: the difference that it names for 10 seeds and 21 comparisons (k = 1) is
shown 64 % of the time, not 80 %. So up to k = 15 power is simulated with the test itself.

σ comes from few seeds and is known as badly as they tell it: these are plans, good to a few percent
of σ's own error, not intervals. Nothing here is for one seed; McNemar's test says nothing of seeds.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtr, ndtri, stdtrit

from attnbench.errors import SpecError
from attnbench.stats.permutation import MOST_ENUMERATED, check_level, fewest_seeds, signed_sums, smallest_p

_FEW_CHOICES = 16
"""With this many extreme choices of signs Student's t names a difference about 3 % too small at most."""
_MOST_SIMULATED = 17
"""Seeds; more have many extreme choices at every level that a table asks for."""
_SUMS = 2**23
"""Sums of a simulation: 64 MB, and 2,000 trials of 13 seeds or 128 of 17."""
_MOST_TRIALS = 2000
_STEP = 1e-3
"""A difference is known up to this part of it."""


def smallest_detectable_difference(
    deviation: float, num_seeds: int, *, alpha: float = 0.05, num_tests: int = 1, power: float = 0.8
) -> float:
    """The true difference that the permutation test would show with a probability of `power`.

    Args:
        deviation: Standard deviation over seeds of the paired differences, in any unit.
        num_seeds: Seeds of each variant, at least 2.
        alpha: Level of the family, in (0, 1).
        num_tests: Comparisons in the family, at least 1.
        power: Wanted probability, in (0, 1).

    Returns:
        The difference, in the deviation's unit; infinite where no difference reaches the level.

    Raises:
        SpecError: If a setting is out of range.

    >>> [round(smallest_detectable_difference(0.5, num_seeds), 2) for num_seeds in (5, 12, 20)]
    [inf, 0.44, 0.33]
    """
    _check(deviation, power)
    check_level(alpha, num_tests)
    if num_seeds < 2:
        raise SpecError(f"a deviation over seeds needs at least 2; got num_seeds={num_seeds}")
    if smallest_p(num_seeds) > alpha / num_tests:
        return math.inf
    return deviation * _smallest_effect(num_seeds, alpha / num_tests, power)


def seeds_needed(
    difference: float, deviation: float, *, alpha: float = 0.05, num_tests: int = 1, power: float = 0.8
) -> int:
    """The fewest seeds with which the permutation test shows a true difference with a probability of `power`.

    Args:
        difference: The true difference, in any unit, not 0.
        deviation: Standard deviation over seeds of the paired differences, in the same unit.
        alpha: Level of the family, in (0, 1).
        num_tests: Comparisons in the family, at least 1.
        power: Wanted probability, in (0, 1).

    Raises:
        SpecError: If a setting is out of range, or the level too small for any number of seeds.

    >>> [seeds_needed(difference, 0.5) for difference in (5, 0.5, 0.25)]
    [6, 11, 34]
    """
    _check(deviation, power)
    if not math.isfinite(difference) or difference == 0:
        raise SpecError(f"a difference to be shown must be finite and not 0; got difference={difference!r}")
    effect = math.inf if deviation == 0 else abs(difference) / deviation
    fewest, level = fewest_seeds(alpha, num_tests), alpha / num_tests
    # No fewer than a test of a known deviation needs.
    num_seeds = max(fewest, math.floor(float((ndtri(power) - ndtri(level / 2)) / effect) ** 2))
    while num_seeds <= MOST_ENUMERATED:
        if _smallest_effect(num_seeds, level, power) <= effect:
            return num_seeds
        num_seeds += 1
    if smallest_p(num_seeds) <= level:
        return _first_number(lambda number: _smallest_effect(number, level, power) <= effect, num_seeds)
    raise SpecError(f"no number of seeds shows it at this level; got alpha={alpha!r} over num_tests={num_tests!r}")


@functools.cache
def _smallest_effect(num_seeds: int, level: float, power: float) -> float:
    """The smallest detectable difference in deviations."""
    # Signs that are drawn reach every level.
    num_choices = 2 ** (min(num_seeds, MOST_ENUMERATED) - 1)
    num_extreme = math.floor(level * num_choices)
    reached = num_extreme / num_choices if num_seeds <= MOST_ENUMERATED else level
    student = _first(lambda effect: _t_power(effect, num_seeds, reached) >= power, 0.0, 64.0)
    if num_extreme >= _FEW_CHOICES or num_seeds > _MOST_SIMULATED:
        return student
    sums = _simulated(num_seeds)
    return _first(lambda effect: _simulated_power(effect, sums, num_extreme) >= power, student / 2, 3 * student)


def _first(shows: Callable[[float], bool], low: float, high: float) -> float:
    """The least effect between two that shows, by halving."""
    while high - low > _STEP * high:
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def _first_number(shows: Callable[[int], bool], least: int) -> int:
    """The least number from `least` on that shows, where all after it do: doubled steps, then halving."""
    step, low, high = 1, least - 1, least
    while not shows(high):
        low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def _t_power(effect: float, num_seeds: int, level: float) -> float:
    """Power of Student's test; what it rejects on the wrong side is too seldom to count."""
    critical = stdtrit(num_seeds - 1, 1 - level / 2)
    missed = float(nctdtr(num_seeds - 1, effect * math.sqrt(num_seeds), critical))
    # scipy gives nan for some of the probabilities that are all but 0.
    return 1.0 if math.isnan(missed) else 1 - missed


def _simulated(num_seeds: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums under every choice of signs, of normal differences, and of ones, by which an effect moves them."""
    num_trials = min(_MOST_TRIALS, _SUMS // 2 ** (num_seeds - 1))
    noise = np.random.default_rng(num_seeds).normal(size=(num_trials, num_seeds))
    return signed_sums(noise), signed_sums(np.ones(num_seeds))


def _simulated_power(effect: float, sums: tuple[NDArray[np.float64], NDArray[np.float64]], num_extreme: int) -> float:
    """Share of trials in which no more choices of signs than allowed are as extreme as the plain one."""
    noise, ones = sums
    distances = np.abs(noise + effect * ones)
    return float(((distances >= distances[:, :1]).sum(axis=1) <= num_extreme).mean())


def _check(deviation: float, power: float) -> None:
    if not (math.isfinite(deviation) and deviation >= 0):
        raise SpecError(f"a deviation must be finite and not negative; got deviation={deviation!r}")
    if not 0 < power < 1:
        raise SpecError(f"power must lie in (0, 1); got power={power!r}")
