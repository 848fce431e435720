"""Tests of whether two variants differ: over seeds by permutation, and for one seed by McNemar.

If two variants are alike, each seed's difference could as well have had the other sign. The test
of R. A. Fisher: "The Design of Experiments" (1935), section 21, asks how many of all 2ⁿ choices of
signs give a mean difference at least as far from 0:

    p = #{ε ∈ {−1, 1}ⁿ : |Σ ε_s d_s| ≥ |Σ d_s|} / 2ⁿ

It supposes nothing of how the differences are distributed, and pays for that: at least two
choices are as extreme, so p ≥ 2/2ⁿ, and five seeds never reach 5 %. Beyond 20 seeds the signs are
drawn, and the observed ones counted among them, as B. Phipson and G. K. Smyth: "Permutation
P-values Should Never Be Zero" (2010), https://doi.org/10.2202/1544-6115.1585, show that they must.

It takes the test images as they are: what it shows holds for other seeds, on these images. What
other images may add is in the interval of `accuracy`.

One seed leaves the images. Q. McNemar: "Note on the sampling error of the difference between
correlated proportions or percentages" (1947), https://doi.org/10.1007/BF02295996, in its exact form
tosses a coin for each image that one of both got right. That is the same test with images
for seeds; where images are made from one source, a whole cluster takes one sign. It tells two
trained networks apart, and says nothing of what other seeds would give.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.stats.accuracy import cluster_totals

MOST_ENUMERATED = 20
"""Differences whose signs are all tried: 2¹⁹ choices."""
_NUM_DRAWN = 2**18 - 1
"""Choices of signs that are drawn for more differences: the least p-value, 4e-6, is far below what Holm's first step
asks of a thousand comparisons, so that more seeds do not show less."""
_DRAWN_AT_ONCE = 4_000_000
"""Signs that are held at once."""
_ROUNDING = 1e-9
"""Sums that differ by less than this part of Σ|d| are one sum, added in two orders."""


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """A two-sided test of no difference."""

    p_value: float
    """Probability of a difference so large if there is none."""
    smallest_p: float
    """The least p-value that the design allows, whatever the differences are."""
    num_seeds: int
    """Seeds; with one, the test is over its images."""
    method: str
    """`permutation` over seeds, `mcnemar` over images, `cluster permutation` over groups of images."""

    def can_reach(self, alpha: float, num_tests: int = 1) -> bool:
        """Whether any differences would pass at level alpha the first step of Holm's correction over so many tests."""
        return self.smallest_p <= alpha / num_tests


def permutation_test(samples: Sequence[float], baseline: Sequence[float], *, seed: int = 0) -> PairedTest:
    """Sign-flip test of the mean difference samples − baseline over seeds, two-sided.

    Args:
        samples: One number a seed.
        baseline: The baseline's numbers, in the same order of seeds.
        seed: Of the signs that are drawn where there are more than 20 seeds.

    Raises:
        SpecError: If the lengths differ, there is no pair, or a number is not finite.

    >>> permutation_test([86, 88, 87, 89, 90], [85, 86, 86, 85, 86]).p_value
    0.0625
    """
    if len(samples) != len(baseline) or not len(samples):
        raise SpecError(f"pairs need two sequences of one length; got lengths {len(samples)} and {len(baseline)}")
    return permutation_tests(np.subtract(samples, baseline, dtype=np.float64)[None], seed=seed)[0]


def permutation_tests(differences: NDArray[np.float64], *, seed: int = 0) -> list[PairedTest]:
    """Sign-flip tests of many mean differences over the same seeds; each is the one that it would be alone.

    Args:
        differences: One row a test and one number a seed, (num_tests, num_seeds).
        seed: Of the signs that are drawn where there are more than 20 seeds, the same for all tests.

    Raises:
        SpecError: If there is no seed, or a number is not finite.
    """
    if differences.ndim != 2 or not differences.shape[1]:
        raise SpecError(f"a permutation test needs differences of seeds; got shape {differences.shape}")
    if not np.isfinite(differences).all():
        raise SpecError(f"a permutation test needs finite numbers; got {differences.tolist()}")
    num_seeds = differences.shape[1]
    return [
        PairedTest(p_value=float(p_value), smallest_p=smallest_p(num_seeds), num_seeds=num_seeds, method="permutation")
        for p_value in _sign_flip_p_values(differences, seed)
    ]


def paired_accuracy_test(
    samples: NDArray[np.bool_],
    baseline: NDArray[np.bool_],
    *,
    clusters: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> PairedTest:
    """Test of two variants' accuracies: over seeds, or over images where there is one seed.

    Args:
        samples: Whether each image was classified correctly after each seed, (num_seeds, num_images).
        baseline: The baseline's, with the same seeds and images in the same order.
        clusters: Of each image the group it was made from, (num_images,); only one seed's test needs them.
        seed: Of the signs that are drawn where there are more than 20.

    Raises:
        SpecError: If the shapes differ or are not of truth values of seeds and images.

    >>> samples = np.array([[True] * 9 + [False] * 3])
    >>> baseline = np.array([[False] * 8 + [True] * 2 + [False] * 2])
    >>> test = paired_accuracy_test(samples, baseline)
    >>> f"{test.method}: {test.p_value:.4f}"
    'mcnemar: 0.0391'
    """
    if np.shape(samples) != np.shape(baseline):
        got = f"shape {np.shape(samples)} and {np.shape(baseline)} of the baseline"
        raise SpecError(f"pairs need the same seeds and images; got {got}")
    totals, _ = cluster_totals(np.stack([np.asarray(samples), np.asarray(baseline)]), clusters)
    if len(samples) > 1:
        # Whole numbers of images, so that equal sums are equal.
        return permutation_test(totals[0].sum(-1).tolist(), totals[1].sum(-1).tolist(), seed=seed)
    differences = (totals[0] - totals[1])[0]
    if clusters is None:
        wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
        return PairedTest(
            p_value=mcnemar_p(wins, losses),
            smallest_p=math.ldexp(2.0, -len(differences)),
            num_seeds=1,
            method="mcnemar",
        )
    return PairedTest(
        p_value=float(_sign_flip_p_values(differences[None], seed)[0]),
        smallest_p=smallest_p(len(differences)),
        num_seeds=1,
        method="cluster permutation",
    )


def mcnemar_p(wins: int, losses: int) -> float:
    """McNemar's exact p-value, two-sided.

    Args:
        wins: Images that only the first got right.
        losses: Images that only the second got right.

    Raises:
        SpecError: If a number is negative.

    >>> mcnemar_p(8, 1)
    0.0390625
    """
    if wins < 0 or losses < 0:
        raise SpecError(f"numbers of images must not be negative; got wins={wins}, losses={losses}")
    if wins + losses == 0:
        return 1.0
    # Takes a second to import, and a command that only prints a table should not wait for it.
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue)


def smallest_p(num_seeds: int) -> float:
    """The least p-value of a permutation test over so many differences.

    >>> [smallest_p(num_seeds) for num_seeds in (1, 3, 5, 6)]
    [1.0, 0.25, 0.0625, 0.03125]
    """
    return math.ldexp(2.0, -num_seeds) if num_seeds <= MOST_ENUMERATED else 1 / (_NUM_DRAWN + 1)


def fewest_seeds(alpha: float = 0.05, num_tests: int = 1) -> int:
    """Seeds with which a permutation test can pass the first step of Holm's correction at all.

    Args:
        alpha: Level of the family, in (0, 1).
        num_tests: Comparisons in the family, at least 1.

    Raises:
        SpecError: If a setting is out of range.

    >>> fewest_seeds(), fewest_seeds(num_tests=6), fewest_seeds(num_tests=21)
    (6, 8, 10)
    """
    check_level(alpha, num_tests)
    return math.ceil(math.log2(2 * num_tests / alpha))


def check_level(alpha: float, num_tests: int) -> None:
    """Hold the level of a family and its size to their range.

    Raises:
        SpecError: If one is out of it.
    """
    if not 0 < alpha < 1:
        raise SpecError(f"alpha must lie in (0, 1); got alpha={alpha!r}")
    if num_tests < 1:
        raise SpecError(f"a family has at least one test; got num_tests={num_tests!r}")


def signed_sums(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums under every choice of signs that leaves the first alone, (..., 2ⁿ⁻¹); the others mirror these.

    Args:
        differences: (..., num_differences), at least one. The first sum is the plain one.
    """
    sums = differences[..., :1]
    for index in range(1, differences.shape[-1]):
        following = differences[..., index : index + 1]
        sums = np.concatenate([sums + following, sums - following], axis=-1)
    return sums


def _sign_flip_p_values(differences: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Two-sided p-values of the means of the differences, (num_tests, num_differences)."""
    p_values = np.ones(len(differences))
    # What does not differ has no sign to choose.
    num_choosing = (differences != 0).sum(axis=1)
    for test in np.flatnonzero((num_choosing > 0) & (num_choosing <= MOST_ENUMERATED)):
        choosing = differences[test][differences[test] != 0]
        p_values[test] = (np.abs(signed_sums(choosing)) >= _bounds(choosing)).mean()
    many = num_choosing > MOST_ENUMERATED
    if many.any():
        p_values[many] = _drawn_p_values(differences[many], np.random.default_rng(seed))
    return p_values


def _drawn_p_values(differences: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.float64]:
    sums, bounds = differences.sum(axis=1), _bounds(differences)
    as_far = np.zeros(len(differences), dtype=np.int64)
    step = max(1, _DRAWN_AT_ONCE // max(differences.shape))
    for start in range(0, _NUM_DRAWN, step):
        shape = (min(step, _NUM_DRAWN - start), differences.shape[1])
        # Signs are bits, and Σ ε d = Σ d − 2 Σ of those that turn.
        turned = generator.integers(2, size=shape, dtype=np.int8).astype(np.float64) @ differences.T
        as_far += (np.abs(sums - 2 * turned) >= bounds).sum(axis=0)
    return (as_far + 1) / (_NUM_DRAWN + 1)


def _bounds(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a sum must reach to be as far from 0 as the plain one, but for rounding."""
    return np.asarray(np.abs(differences.sum(axis=-1)) - _ROUNDING * np.abs(differences).sum(axis=-1))
