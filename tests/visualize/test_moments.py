"""Moments of batches equal those of all values at once, by scipy."""

from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from attnbench.visualize.moments import Moments, merged, moments_by_unit, pooled_moments, power_sums


def drawn() -> NDArray[np.float64]:
    """Three units: skewed far from 0, normal, and of a wide scale."""
    generator = np.random.default_rng(0)
    return np.stack(
        [1e3 + generator.exponential(size=901), generator.normal(size=901), 1e4 * generator.uniform(-1, 2, size=901)]
    )


def in_parts(values: NDArray[np.float64], size: int) -> tuple[Moments, ...]:
    parts = [power_sums(values[:, start : start + size]) for start in range(0, values.shape[1], size)]
    return moments_by_unit(reduce(merged, parts))


def assert_equal(found: Moments, values: NDArray[np.float64]) -> None:
    assert found.count == len(values)
    assert found.mean == pytest.approx(values.mean(), rel=1e-10)
    assert found.sd == pytest.approx(values.std(), rel=1e-10)
    # Three digits are lost to a mean a thousand deviations from 0.
    assert found.skewness == pytest.approx(stats.skew(values), rel=1e-9)
    assert found.kurtosis == pytest.approx(stats.kurtosis(values), rel=1e-9)


def test_moments_worked_out_by_hand() -> None:
    # 0, 0, 0, 4: mean 1, deviations −1, −1, −1, 3.
    (found,) = moments_by_unit(power_sums(np.array([[0.0, 0, 0, 4]])))
    assert found == Moments(count=4, mean=1.0, sd=3**0.5, skewness=pytest.approx(6 / 3**1.5), kurtosis=21 / 9 - 3)


@pytest.mark.parametrize("size", [1, 7, 300, 901])
def test_any_batch_size_gives_the_moments_of_all(size: int) -> None:
    values = drawn()
    for found, unit in zip(in_parts(values, size), values, strict=True):
        assert_equal(found, unit)


def test_any_order_gives_the_same() -> None:
    values = drawn()
    forward, backward = in_parts(values, 50), in_parts(values[:, ::-1], 50)
    for one, other in zip(forward, backward, strict=True):
        for name in ("mean", "sd", "skewness", "kurtosis"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9)


def test_all_units_together() -> None:
    values = drawn()
    assert_equal(pooled_moments(power_sums(values)), values.ravel())


def test_what_is_not_finite_counts_nowhere() -> None:
    values = drawn()
    holes = np.concatenate([values, np.full((3, 2), np.nan), np.full((3, 1), np.inf)], 1)
    holes[0, 5] = np.nan
    first, second, _ = in_parts(holes, 100)
    assert_equal(first, np.delete(values[0], 5))
    assert_equal(second, values[1])


def test_equal_values_have_no_shape_and_no_values_have_nothing() -> None:
    constant, nothing = in_parts(np.array([[0.1] * 30, [np.nan] * 30]), 7)
    assert constant.mean == pytest.approx(0.1)
    assert constant.sd == pytest.approx(0, abs=1e-16)
    assert (constant.skewness, constant.kurtosis) == (None, None)
    assert nothing == Moments(count=0, mean=None, sd=None, skewness=None, kurtosis=None)


def test_equal_values_in_many_uneven_batches_have_no_shape() -> None:
    sums = power_sums(np.full((1, 3), np.float32(0.3), np.float64))
    for number in range(300):
        sums = merged(sums, power_sums(np.full((1, 1 + 37 * number % 101), np.float32(0.3), np.float64)))
    (found,) = moments_by_unit(sums)
    assert (found.skewness, found.kurtosis) == (None, None)
    assert found.sd == pytest.approx(0, abs=1e-14)
