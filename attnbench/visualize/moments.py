"""Mean, deviation, skewness and kurtosis of numbers that come bit by bit and are not kept.

Two sets' sums of powers about their means give those of their union (Pébay, "Formulas for robust, one-pass parallel
computation of covariances and arbitrary-order statistical moments", 2008), in float64: no order of the numbers and no
size of the batches matters but for rounding.
"""

import math
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROUNDING = 32
"""Roundings of the mean, in the last place, that merging many batches may leave."""


@dataclass(frozen=True, kw_only=True)
class Moments:
    """A distribution in a few numbers; none where they do not exist."""

    count: int
    """Finite values."""
    mean: float | None
    """Their mean; none where there is no value."""
    sd: float | None
    """Their standard deviation, with divisor `count`."""
    skewness: float | None
    """Third standardised moment, 0 if symmetric; none where all values are equal."""
    kurtosis: float | None
    """Fourth standardised moment less 3, 0 of the normal distribution; none where all values are equal."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PowerSums:
    """Of each of several units (K,): Σ (x − mean)ᵖ for p = 2, 3, 4."""

    count: Floats
    """Values."""
    mean: Floats
    """Their mean; 0 where there is no value."""
    second: Floats
    """p = 2."""
    third: Floats
    """p = 3."""
    fourth: Floats
    """p = 4."""


def power_sums(values: Floats) -> PowerSums:
    """Sums of the finite values of each unit.

    Args:
        values: (K, n).
    """
    known = np.isfinite(values)
    count = known.sum(1).astype(np.float64)
    mean = np.where(known, values, 0).sum(1) / np.maximum(count, 1)
    away = np.where(known, values - mean[:, None], 0)
    square = away * away
    return PowerSums(
        count=count,
        mean=mean,
        second=square.sum(1),
        third=(square * away).sum(1),
        fourth=(square * square).sum(1),
    )


def merged(one: PowerSums, other: PowerSums) -> PowerSums:
    """Sums of the values of both."""
    n, m = one.count, other.count
    total = n + m
    share, other_share = n / np.maximum(total, 1), m / np.maximum(total, 1)
    step = np.where((n > 0) & (m > 0), other.mean - one.mean, 0)
    cross = n * other_share
    return PowerSums(
        count=total,
        mean=share * one.mean + other_share * other.mean,
        second=one.second + other.second + step**2 * cross,
        third=one.third
        + other.third
        + step**3 * cross * (share - other_share)
        + 3 * step * (share * other.second - other_share * one.second),
        fourth=one.fourth
        + other.fourth
        + step**4 * cross * (share**2 - share * other_share + other_share**2)
        + 6 * step**2 * (share**2 * other.second + other_share**2 * one.second)
        + 4 * step * (share * other.third - other_share * one.third),
    )


def moments_by_unit(sums: PowerSums) -> tuple[Moments, ...]:
    """The moments of each unit."""
    columns = (sums.count, sums.mean, sums.second, sums.third, sums.fourth)
    return tuple(_moments(*(float(value) for value in row)) for row in zip(*columns, strict=True))


def pooled_moments(sums: PowerSums) -> Moments:
    """The moments of all units' values together."""
    (pooled,) = moments_by_unit(reduce(merged, (_only(sums, unit) for unit in range(len(sums.count)))))
    return pooled


def _only(sums: PowerSums, unit: int) -> PowerSums:
    """The sums of one unit."""
    place = slice(unit, unit + 1)
    return PowerSums(
        count=sums.count[place],
        mean=sums.mean[place],
        second=sums.second[place],
        third=sums.third[place],
        fourth=sums.fourth[place],
    )


def _moments(count: float, mean: float, second: float, third: float, fourth: float) -> Moments:
    if not count:
        return Moments(count=0, mean=None, sd=None, skewness=None, kurtosis=None)
    variance = second / count
    # What rounding alone gives equal values is no variance.
    if variance <= (_ROUNDING * np.finfo(np.float64).eps * mean) ** 2:
        return Moments(count=int(count), mean=mean, sd=math.sqrt(variance), skewness=None, kurtosis=None)
    return Moments(
        count=int(count),
        mean=mean,
        sd=math.sqrt(variance),
        skewness=third / count / variance**1.5,
        kurtosis=fourth / count / variance**2 - 3,
    )
