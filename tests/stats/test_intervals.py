import math

import numpy as np
import pytest
import scipy.stats

from attnbench.errors import SpecError
from attnbench.stats import median_ratio, paired_t_interval, proportion_interval, t_interval


@pytest.mark.parametrize("num_samples", [2, 3, 5, 30])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_t_interval_is_scipys(num_samples: int, confidence: float) -> None:
    samples = np.random.default_rng(num_samples).normal(85, 0.5, num_samples).tolist()
    interval = t_interval(samples, confidence)
    low, high = scipy.stats.t.interval(
        confidence, num_samples - 1, loc=np.mean(samples), scale=scipy.stats.sem(samples)
    )
    assert interval.half_width is not None
    assert interval.mean - interval.half_width == pytest.approx(low, rel=1e-12)
    assert interval.mean + interval.half_width == pytest.approx(high, rel=1e-12)
    assert (interval.num_samples, interval.confidence) == (num_samples, confidence)


def test_t_interval_by_hand() -> None:
    # s = 1, n = 3, and 4.302653 is the 97.5 % quantile of t with 2 degrees of freedom in every table.
    interval = t_interval([84.0, 85.0, 86.0])
    assert interval.mean == 85.0
    assert interval.half_width == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)


def test_one_sample_has_no_width_and_excludes_nothing() -> None:
    interval = t_interval([3.0])
    assert (interval.mean, interval.half_width, interval.excludes_zero) == (3.0, None, False)


def test_covers_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = [
        abs(interval.mean) <= (interval.half_width or 0.0)
        for interval in (t_interval(rng.normal(0, 1, 3).tolist()) for _ in range(2000))
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_paired_interval_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(7)
    for shift in np.linspace(-2, 2, 21):
        baseline = rng.normal(85, 1, 4)
        samples = baseline + rng.normal(shift, 0.5, 4)
        interval = paired_t_interval(samples.tolist(), baseline.tolist())
        assert interval.excludes_zero == (scipy.stats.ttest_rel(samples, baseline).pvalue < 0.05)


def test_pairing_cancels_what_the_seed_does_to_both() -> None:
    interval = paired_t_interval([81.0, 91.1, 71.2], [80.0, 90.0, 70.0])
    assert interval.mean == pytest.approx(1.1)
    assert interval.half_width == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-6)
    assert interval.excludes_zero


@pytest.mark.parametrize("rounding", [0.0, 1e-14, 3e-6])
def test_equal_differences_leave_the_noise_unknown(rounding: float) -> None:
    interval = paired_t_interval([85.28, 86.28 + rounding, 84.28], [85.0, 86.0, 84.0])
    assert interval.mean == pytest.approx(0.28, abs=1e-5)
    assert not interval.has_spread
    assert not interval.excludes_zero


def test_median_ratio_with_quartiles() -> None:
    ratio = median_ratio([1.0, 4.0, 9.0, 16.0, 50.0], [1.0, 2.0, 3.0, 4.0, 5.0])
    assert (ratio.lower_quartile, ratio.median, ratio.upper_quartile, ratio.num_pairs) == (2.0, 3.0, 4.0, 5)


def test_median_ratio_is_free_of_common_drift() -> None:
    drift = np.linspace(1, 5, 9)
    ratio = median_ratio((3 * drift).tolist(), (2 * drift).tolist())
    assert ratio.lower_quartile == pytest.approx(1.5)
    assert ratio.upper_quartile == pytest.approx(1.5)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_refuses_a_confidence_out_of_range(confidence: float) -> None:
    with pytest.raises(SpecError, match=r"confidence must lie in \(0, 1\); got confidence="):
        t_interval([1.0, 2.0], confidence)


def test_refuses_what_has_no_pairs() -> None:
    with pytest.raises(SpecError, match="at least one sample"):
        t_interval([])
    with pytest.raises(SpecError, match="got lengths 2 and 1"):
        paired_t_interval([1.0, 2.0], [1.0])
    with pytest.raises(SpecError, match="got lengths 1 and 2"):
        median_ratio([1.0], [1.0, 2.0])
    with pytest.raises(SpecError, match="positive numbers"):
        median_ratio([], [])
    with pytest.raises(SpecError, match="positive numbers"):
        median_ratio([1.0], [0.0])


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 1), (1, 1), (0, 40), (13, 40), (38_792, 50_000), (50_000, 50_000)]
)
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_proportion_interval_is_scipys(successes: int, trials: int, confidence: float) -> None:
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert proportion_interval(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 2)])
def test_a_proportion_is_of_trials(successes: int, trials: int) -> None:
    with pytest.raises(SpecError, match=f"got {successes} of {trials}"):
        proportion_interval(successes, trials)
