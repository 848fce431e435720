import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.stats import UnpairedRatio, unpaired_ratio_interval
from tests.stats.test_bootstrap import autocorrelated, disturbed

Array = NDArray[np.float64]


def normal(num_samples: int, scale: float = 1.0) -> Callable[[np.random.Generator], Array]:
    return lambda generator: scale * generator.normal(size=num_samples)


def coverage(
    first: Callable[[np.random.Generator], Array], second: Callable[[np.random.Generator], Array], trials: int = 200
) -> float:
    """How often the interval contains the true ratio of two measurements, which is 1.1."""
    generator, contained = np.random.default_rng(0), 0
    for _ in range(trials):
        samples, baseline = 11 * np.exp(0.01 * first(generator)), 10 * np.exp(0.01 * second(generator))
        contained += unpaired_ratio_interval(samples, baseline, num_resamples=500).contains(1.1)
    return contained / trials


# In brackets the coverage over 1,500 trials.
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (normal(8), normal(8)),  # 0.968
        (normal(100), normal(100)),  # 0.967
        (normal(100), normal(100, scale=8)),  # 0.965
        (normal(8, scale=5), normal(100)),  # 0.943
    ],
)
def test_covers_as_often_as_it_says_where_samples_are_independent(
    first: Callable[[np.random.Generator], Array], second: Callable[[np.random.Generator], Array]
) -> None:
    assert 0.92 <= coverage(first, second) <= 0.99


def test_covers_where_outliers_have_no_variance_or_another_program_runs() -> None:
    assert 0.92 <= coverage(*[lambda generator: generator.standard_t(2, size=40)] * 2) <= 0.99
    assert 0.92 <= coverage(*[lambda generator: disturbed(generator, 60)] * 2) <= 0.99


def test_covers_where_neighbouring_samples_are_alike() -> None:
    # 0.94 and 0.92 over 4,000 trials.
    assert coverage(*[lambda generator: autocorrelated(generator, 100, 0.6)] * 2, trials=400) >= 0.9
    assert coverage(*[lambda generator: autocorrelated(generator, 200, 0.9)] * 2, trials=400) >= 0.88


def test_independent_draws_would_not_cover_where_neighbours_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.stats.unpaired.block_length", lambda series: 1)
    assert coverage(*[lambda generator: autocorrelated(generator, 200, 0.9)] * 2) < 0.6


def test_percentiles_that_are_not_widened_would_not_cover_for_few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.stats.unpaired._tail", lambda confidence, logs, num_blocks: 0.025)
    assert coverage(normal(8, scale=5), normal(100)) < 0.9


def test_the_median_of_each_series_counts_however_they_are_ordered() -> None:
    samples, baseline = [3.0, 1.0, 2.0, 9.0, 2.0, 2.0, 8.0], [4.0, 5.0, 4.0, 4.0, 4.0, 1.0]
    assert unpaired_ratio_interval(samples, baseline).ratio == 0.5
    assert unpaired_ratio_interval(sorted(samples), sorted(baseline)).ratio == 0.5


def test_what_moves_both_series_together_does_not_cancel() -> None:
    """Unlike rounds of one measurement, those of two have nothing in common."""
    drift = np.exp(0.2 * autocorrelated(np.random.default_rng(0), 100, 0.5))
    result = unpaired_ratio_interval(2 * drift, drift)
    assert result.low < 1.9 < 2.1 < result.high


def test_the_interval_is_as_wide_as_both_medians_are_uncertain() -> None:
    generator = np.random.default_rng(0)
    noisy, still = (np.exp(scale * generator.normal(size=1600)) for scale in (0.03, 0.0))
    width = np.log(unpaired_ratio_interval(noisy, still).high / unpaired_ratio_interval(noisy, still).low)
    # A median's standard error is √(π/2) σ / √n.
    assert width == pytest.approx(2 * 1.96 * 1.2533 * 0.03 / 40, rel=0.25)
    both = unpaired_ratio_interval(noisy, noisy[::-1])
    assert np.log(both.high / both.low) == pytest.approx(2**0.5 * width, rel=0.15)


def test_exchanging_the_series_inverts_the_interval() -> None:
    generator = np.random.default_rng(0)
    first, second = np.exp(0.1 * generator.normal(size=(2, 400)))
    there, back = unpaired_ratio_interval(2 * first, second), unpaired_ratio_interval(second, 2 * first)
    assert there.ratio == pytest.approx(1 / back.ratio)
    # Each is drawn by itself, so that the ends agree as well as 2,000 resamples say.
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low), rel=0.005)


def test_too_few_samples_of_either_exclude_nothing() -> None:
    many, five, six = [2.0] * 20, [4.0] * 5, [4.0] * 6
    assert unpaired_ratio_interval(five, many) == UnpairedRatio(2.0, 0.0, np.inf, 0.95, (5, 20), (1, 5))
    assert unpaired_ratio_interval(many, five) == UnpairedRatio(0.5, 0.0, np.inf, 0.95, (20, 5), (5, 1))
    assert not unpaired_ratio_interval(many, five).has_interval
    enough = unpaired_ratio_interval(six, many)
    assert (enough.low, enough.high) == pytest.approx((2.0, 2.0))
    assert enough.has_interval
    assert unpaired_ratio_interval(five, many, confidence=0.9).has_interval


def test_one_seed_gives_one_interval_and_more_confidence_a_wider_one() -> None:
    generator = np.random.default_rng(0)
    first, second = np.exp(0.1 * generator.normal(size=(2, 50)))
    assert unpaired_ratio_interval(first, second, seed=3) == unpaired_ratio_interval(first, second, seed=3)
    assert unpaired_ratio_interval(first, second, seed=3) != unpaired_ratio_interval(first, second, seed=4)
    intervals = [unpaired_ratio_interval(first, second, confidence=share) for share in (0.5, 0.9, 0.95, 0.99)]
    widths = [interval.high / interval.low for interval in intervals]
    assert widths == sorted(set(widths))


def test_a_thousand_samples_take_no_time() -> None:
    first, second = np.exp(0.1 * np.random.default_rng(0).normal(size=(2, 1000)))
    unpaired_ratio_interval(first, second)
    started = time.process_time()
    unpaired_ratio_interval(first, second)
    assert time.process_time() - started < 0.4  # 0.03 s; the rest is for a busy machine


def test_refuses_what_has_no_ratio() -> None:
    with pytest.raises(SpecError, match="a sample of both; got 0 and 1"):
        unpaired_ratio_interval([], [1.0])
    with pytest.raises(SpecError, match="a sample of both; got 1 and 0"):
        unpaired_ratio_interval([1.0], [])
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(SpecError, match=f"positive, finite numbers; got {wrong}"):
            unpaired_ratio_interval([1.0, wrong], [1.0])
        with pytest.raises(SpecError, match=f"positive, finite numbers; got {wrong}"):
            unpaired_ratio_interval([1.0], [1.0, wrong])
    with pytest.raises(SpecError, match=r"confidence must lie in \(0, 1\); got confidence=95"):
        unpaired_ratio_interval([1.0], [1.0], confidence=95)
    with pytest.raises(SpecError, match="at least 100; got num_resamples=99"):
        unpaired_ratio_interval([1.0], [1.0], num_resamples=99)
