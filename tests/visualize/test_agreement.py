"""Correlations of batches equal those of all values at once, by numpy."""

from functools import reduce

import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.visualize.agreement import Agreement, agreement, co_moments, merged_co_moments


def found_of(values: NDArray[np.float64], size: int = 1000, varying: NDArray[np.bool_] | None = None) -> Agreement:
    parts = [co_moments(values[:, start : start + size]) for start in range(0, values.shape[1], size)]
    found = agreement(reduce(merged_co_moments, parts), np.ones(len(values), bool) if varying is None else varying)
    assert found is not None
    return found


def mixed() -> NDArray[np.float64]:
    generator = np.random.default_rng(0)
    return generator.normal(size=(4, 4)) @ generator.normal(size=(4, 500)) + 100


def test_units_that_say_the_same_or_the_opposite_are_one() -> None:
    line = np.arange(10.0)
    found = found_of(np.stack([line, 5 - 2 * line, 3 * line]))
    assert found.num_units == 3
    assert found.mean_correlation == pytest.approx(1)
    assert found.distinct_units == pytest.approx(1)


def test_units_that_have_nothing_to_do_with_one_another_are_as_many_as_they_are() -> None:
    found = found_of(np.array([[1.0, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]))
    assert found.mean_correlation == pytest.approx(0, abs=1e-12)
    assert found.distinct_units == pytest.approx(3)


def test_two_alike_and_one_apart_worked_out_by_hand() -> None:
    # Eigenvalues 2, 1 and 0 of 3: e to the entropy of 2/3 and 1/3.
    found = found_of(np.array([[1.0, 1, -1, -1], [1, 1, -1, -1], [1, -1, 1, -1]]))
    assert found.mean_correlation == pytest.approx(1 / 3)
    assert found.distinct_units == pytest.approx(1.5 ** (2 / 3) * 3 ** (1 / 3))


@pytest.mark.parametrize("size", [1, 7, 500])
def test_any_batch_size_and_order_gives_numpys_correlations(size: int) -> None:
    values = mixed()
    correlations = np.corrcoef(values)
    shares = np.linalg.eigvalsh(correlations) / 4
    for order in (values, values[:, ::-1]):
        found = found_of(order, size)
        assert found.mean_correlation == pytest.approx(np.abs(correlations)[np.triu_indices(4, 1)].mean(), rel=1e-10)
        assert found.distinct_units == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-10)


def test_a_place_counts_only_where_all_units_have_a_value() -> None:
    values = mixed()
    holes = values.copy()
    holes[2, [3, 50]] = np.nan, np.inf
    expected = found_of(np.delete(values, [3, 50], 1))
    found = found_of(holes, 20)
    assert found.mean_correlation == pytest.approx(expected.mean_correlation, rel=1e-10)
    assert found.distinct_units == pytest.approx(expected.distinct_units, rel=1e-10)


def test_units_that_do_not_vary_do_not_count() -> None:
    values = mixed()
    values[1] = 5.0
    found = found_of(values, varying=np.array([True, False, True, True]))
    assert found.num_units == 3
    assert found.mean_correlation == pytest.approx(found_of(np.delete(values, 1, 0)).mean_correlation)
    assert agreement(co_moments(values), np.array([True, False, False, False])) is None
    assert agreement(co_moments(values), np.ones(4, bool)) is None  # a constant has no correlation
