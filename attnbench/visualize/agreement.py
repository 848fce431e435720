"""Whether units say the same: the correlation of their values, which come bit by bit and are not kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How much several units say the same."""

    num_units: int
    """Units that vary, which alone have a correlation."""
    mean_correlation: float
    """Mean |r| of all pairs: 1 where all rise and fall together, 0 where they have nothing to do with one another."""
    distinct_units: float
    """So many uncorrelated units would be as varied, 1 to `num_units`: e to the entropy of the eigenvalues of the
    correlation matrix, divided by their sum."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CoMoments:
    """Σ (x_j − mean_j)(x_k − mean_k) of K units."""

    count: int
    """Positions at which all units have a finite value."""
    mean: Floats
    """Of each unit there (K,)."""
    products: Floats
    """The sums (K, K)."""


def co_moments(values: Floats) -> CoMoments:
    """The sums over all places at which every unit has a finite value.

    Args:
        values: (K, n).
    """
    known = values[:, np.isfinite(values).all(0)]
    count = known.shape[1]
    mean = known.sum(1) / max(count, 1)
    away = known - mean[:, None]
    return CoMoments(count=count, mean=mean, products=away @ away.T)


def merged_co_moments(one: CoMoments, other: CoMoments) -> CoMoments:
    """The sums over the places of both."""
    total = one.count + other.count
    share = other.count / max(total, 1)
    step = other.mean - one.mean if one.count and other.count else np.zeros_like(one.mean)
    return CoMoments(
        count=total,
        mean=(1 - share) * one.mean + share * other.mean,
        products=one.products + other.products + one.count * share * np.outer(step, step),
    )


def agreement(sums: CoMoments, varying: NDArray[np.bool_]) -> Agreement | None:
    """How much units say the same; none where fewer than two vary.

    Args:
        sums: Of all units.
        varying: Which units count (K,): of one that is constant but for rounding a correlation would be noise.
    """
    products = sums.products[np.ix_(varying, varying)]
    deviations = np.sqrt(np.diag(products))
    if len(deviations) < 2 or not (deviations > 0).all():
        return None
    correlations = np.clip(products / np.outer(deviations, deviations), -1, 1)
    num_units = len(correlations)
    shares = np.clip(np.linalg.eigvalsh(correlations), 0, None) / num_units
    shares = shares[shares > 0]
    off_diagonal = np.abs(correlations).sum() - np.trace(correlations)
    return Agreement(
        num_units=num_units,
        mean_correlation=float(off_diagonal / (num_units * (num_units - 1))),
        distinct_units=float(np.exp(-(shares * np.log(shares)).sum())),
    )
