"""A histogram whose range grows counts what numpy counts in the last range."""

import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.visualize.histogram import NUM_BINS, Histogram, RunningHistogram, quantile


def counted(*batches: NDArray[np.float64]) -> Histogram:
    running = RunningHistogram()
    for batch in batches:
        running.update(batch)
    return running.histogram()


def drawn() -> NDArray[np.float64]:
    """Heavy tails: the range grows often."""
    return np.random.default_rng(1).standard_cauchy(5000)


def test_bins_worked_out_by_hand() -> None:
    # |−3| < 4: the range is −4 … 4, and a bin is 8 / 4096 wide.
    found = counted(np.array([-3.0, 0.0, 0.0]), np.array([1.0]))
    width = 8 / NUM_BINS
    assert found.bin_width == width
    assert (found.low, found.high) == (-3.0, 1.0 + width)
    assert {place: count for place, count in enumerate(found.counts) if count} == {0: 1, 1536: 2, 2048: 1}


def test_a_power_of_two_is_inside_the_range() -> None:
    assert counted(np.array([4.0])).counts == (1,)
    assert counted(np.array([-4.0])).low == -4.0


def test_it_is_numpys_of_the_last_range() -> None:
    values = drawn()
    found = counted(*np.split(values, 50))
    bound = 2.0 ** np.ceil(np.log2(np.abs(values).max()))
    assert found.bin_width == 2 * bound / NUM_BINS
    assert found.bin_width <= 4 / NUM_BINS * np.abs(values).max()
    expected, edges = np.histogram(values, NUM_BINS, (-bound, bound))
    first, last = np.flatnonzero(expected)[[0, -1]]
    assert found.counts == tuple(expected[first : last + 1])
    assert (found.low, found.high) == (edges[first], edges[last + 1])


def test_neither_order_nor_batch_size_matters() -> None:
    values = drawn()
    one = counted(values)
    assert counted(*values[::-1].reshape(-1, 1)) == counted(*np.split(np.sort(values), 20)) == one


def test_its_memory_does_not_grow() -> None:
    running = RunningHistogram()
    for scale in (1e-30, 1.0, 1e30):
        running.update(drawn() * scale)
        assert running._counts.shape == (NUM_BINS,)
    assert sum(running.histogram().counts) == 15000


def test_nothing_finite_is_nothing() -> None:
    assert counted(np.array([np.nan, np.inf]), np.zeros(0)) == Histogram(low=0.0, high=0.0, counts=())
    assert counted(np.zeros(3)).counts == (3,)


@pytest.mark.parametrize("share", [0.0, 0.005, 0.25, 0.5, 0.9, 1.0])
def test_quantiles_are_numpys_within_a_bin(share: float) -> None:
    values = np.random.default_rng(2).normal(size=20000)
    found = counted(values)
    assert quantile(found, share) == pytest.approx(np.quantile(values, share), abs=1.01 * found.bin_width)
