import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.stats import RatioInterval, paired_ratio_interval

Array = NDArray[np.float64]


def autocorrelated(generator: np.random.Generator, num_rounds: int, correlation: float) -> Array:
    """A first-order autoregressive series about 0."""
    noise = generator.normal(size=num_rounds + 100)
    series = np.zeros(num_rounds + 100)
    for index in range(1, len(series)):
        series[index] = correlation * series[index - 1] + noise[index]
    return series[100:]


def disturbed(generator: np.random.Generator, num_rounds: int) -> Array:
    """Noise about 0 that is ten times as large while another program runs."""
    running = np.cumsum(generator.random(num_rounds) < 0.1) % 2
    return generator.normal(size=num_rounds) * (1 + 9 * running)


def coverage(noise: Callable[[np.random.Generator], Array], ratio: float = 1.1, trials: int = 200) -> float:
    """How often the interval contains the ratio, on a machine whose speed drifts under both."""
    generator, contained = np.random.default_rng(0), 0
    for _ in range(trials):
        errors = 0.01 * noise(generator)
        baseline = np.linspace(10, 30, len(errors)) * np.exp(0.2 * autocorrelated(generator, len(errors), 0.9))
        interval = paired_ratio_interval(ratio * np.exp(errors) * baseline, baseline, num_resamples=500)
        contained += interval.contains(ratio)
    return contained / trials


@pytest.mark.parametrize("num_rounds", [8, 20, 100])
def test_covers_as_often_as_it_says_where_rounds_are_independent(num_rounds: int) -> None:
    assert 0.92 <= coverage(lambda generator: generator.normal(size=num_rounds)) <= 0.99


def test_covers_where_outliers_have_no_variance() -> None:
    assert 0.92 <= coverage(lambda generator: generator.standard_t(2, size=40)) <= 0.99


def test_covers_where_another_program_runs_at_times() -> None:
    assert 0.92 <= coverage(lambda generator: disturbed(generator, 60)) <= 0.99


def test_covers_where_neighbouring_rounds_are_alike() -> None:
    # 0.94 and 0.90 over 1,500 trials.
    assert coverage(lambda generator: autocorrelated(generator, 100, 0.6)) >= 0.9
    assert coverage(lambda generator: autocorrelated(generator, 200, 0.9)) >= 0.86


def test_independent_draws_would_not_cover_where_neighbours_are_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.stats.bootstrap.block_length", lambda ratios: 1)
    assert coverage(lambda generator: autocorrelated(generator, 200, 0.9)) < 0.6


def test_a_trend_of_the_ratio_widens_the_interval() -> None:
    noise = 1 + 0.01 * np.random.default_rng(0).normal(size=100)
    still = paired_ratio_interval(noise, np.ones(100))
    moving = paired_ratio_interval(noise + np.linspace(-0.05, 0.05, 100), np.ones(100))
    assert moving.block_length == 25
    assert moving.relative_half_width > 5 * still.relative_half_width


def test_independent_rounds_narrow_the_interval_as_their_root() -> None:
    ratios = 1 + 0.01 * np.random.default_rng(0).normal(size=1600)
    few, many = (paired_ratio_interval(ratios[:count], np.ones(count)) for count in (100, 1600))
    assert few.relative_half_width / many.relative_half_width == pytest.approx(4, rel=0.35)
    # The median's standard error is √(π/2) σ / √n.
    assert many.relative_half_width == pytest.approx(1.96 * 1.2533 * 0.01 / 40, rel=0.25)


def test_the_median_is_that_of_the_pairs() -> None:
    interval = paired_ratio_interval([2.0, 3.0, 8.0], [2.0, 2.0, 4.0])
    assert interval == RatioInterval(1.5, 0.0, float("inf"), 0.95, 3, 1)


def test_too_few_rounds_exclude_nothing() -> None:
    five = paired_ratio_interval([3.0] * 5, [1.0] * 5)
    assert (five.low, five.high, five.relative_half_width) == (0.0, np.inf, np.inf)
    six = paired_ratio_interval([3.0] * 6, [1.0] * 6)
    assert (six.low, six.median, six.high, six.relative_half_width) == (3.0, 3.0, 3.0, 0.0)
    assert paired_ratio_interval([3.0] * 5, [1.0] * 5, confidence=0.9).high == 3.0


def test_more_confidence_is_wider() -> None:
    ratios = 1 + 0.01 * np.random.default_rng(0).normal(size=200)
    widths = [
        paired_ratio_interval(ratios, np.ones(200), confidence=confidence).relative_half_width
        for confidence in (0.5, 0.9, 0.95, 0.99)
    ]
    assert widths == sorted(set(widths))


def test_one_seed_gives_one_interval() -> None:
    ratios = 1 + 0.01 * np.random.default_rng(0).normal(size=50)
    first, again = (paired_ratio_interval(ratios, np.ones(50), seed=3) for _ in range(2))
    assert first == again
    assert first != paired_ratio_interval(ratios, np.ones(50), seed=4)


def test_scaling_the_samples_scales_the_interval() -> None:
    ratios = 1 + 0.01 * np.random.default_rng(0).normal(size=50)
    once, twice = (paired_ratio_interval(scale * ratios, np.ones(50)) for scale in (1, 2))
    assert (twice.low, twice.median, twice.high) == (2 * once.low, 2 * once.median, 2 * once.high)
    assert twice.relative_half_width == pytest.approx(once.relative_half_width)


def test_a_thousand_rounds_take_no_time() -> None:
    ratios = 1 + 0.01 * np.random.default_rng(0).normal(size=1000)
    paired_ratio_interval(ratios, np.ones(1000))
    started = time.process_time()
    paired_ratio_interval(ratios, np.ones(1000))
    assert time.process_time() - started < 0.2  # 0.015 s; the rest is for a busy machine


def test_refuses_what_has_no_ratio() -> None:
    with pytest.raises(SpecError, match="got 2 samples and 1 of the baseline"):
        paired_ratio_interval([1.0, 2.0], [1.0])
    with pytest.raises(SpecError, match="at least one round; got none"):
        paired_ratio_interval([], [])
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(SpecError, match=f"positive, finite numbers; got {wrong}"):
            paired_ratio_interval([1.0, wrong], [1.0, 1.0])
        with pytest.raises(SpecError, match=f"positive, finite numbers; got {wrong}"):
            paired_ratio_interval([1.0, 1.0], [wrong, 1.0])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_refuses_a_confidence_out_of_range(confidence: float) -> None:
    with pytest.raises(SpecError, match=r"confidence must lie in \(0, 1\); got confidence="):
        paired_ratio_interval([1.0, 2.0], [1.0, 2.0], confidence=confidence)


def test_refuses_too_few_resamples() -> None:
    with pytest.raises(SpecError, match="at least 100; got num_resamples=99"):
        paired_ratio_interval([1.0, 2.0], [1.0, 2.0], num_resamples=99)
