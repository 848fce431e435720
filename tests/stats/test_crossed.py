import numpy as np
import pytest
from scipy import stats

from attnbench.errors import SpecError
from attnbench.stats import mean_intervals, paired_accuracy_interval


def test_of_differences_it_is_the_interval_of_paired_accuracies() -> None:
    generator = np.random.default_rng(0)
    samples, baseline = generator.random((4, 600)) < 0.8, generator.random((4, 600)) < 0.7
    clusters = np.arange(600) // 3
    (found,) = mean_intervals((samples.astype(float) - baseline)[None], clusters=clusters)
    expected = paired_accuracy_interval(samples, baseline, clusters=clusters)
    assert (found.num_seeds, found.num_images, found.num_clusters) == (4, 600, 200)
    for name in ("mean", "low", "high", "standard_error", "degrees"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-4)


# 300 trials of 95 % lie in 91.5 … 98.5 % but once in a hundred times.
@pytest.mark.parametrize("num_seeds", [1, 3, 5])
def test_covers_as_often_as_it_says(num_seeds: int) -> None:
    generator, contained = np.random.default_rng(0), 0
    for _ in range(300):
        images = np.repeat(generator.gamma(2.0, 0.1, size=40), 3)
        seeds = 0.02 * generator.normal(size=(num_seeds, 1)) if num_seeds > 1 else 0.0
        values = images + seeds + 0.05 * generator.normal(size=(num_seeds, 120))
        (found,) = mean_intervals(values[None], clusters=np.arange(120) // 3, num_resamples=300)
        contained += found.contains(0.2)
    assert 0.915 <= contained / 300 <= 0.985


def test_a_row_has_the_interval_that_it_has_alone() -> None:
    values = np.random.default_rng(0).random((3, 2, 50))
    assert mean_intervals(values)[1] == mean_intervals(values[1:2])[0]


def test_the_p_value_of_one_seed_is_that_of_a_paired_t_test() -> None:
    values = np.random.default_rng(1).normal(0.1, 1.0, size=200)
    (found,) = mean_intervals(values[None, None])
    assert found.p_value == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue, rel=1e-9)


@pytest.mark.parametrize("value", [0.0, 0.1, 0.3])
def test_numbers_that_are_all_alike_show_nothing(value: float) -> None:
    (found,) = mean_intervals(np.full((1, 3, 70), value))
    assert found.p_value == 1.0
    assert found.low == pytest.approx(value, abs=1e-9)
    assert found.high == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.zeros((1, 0, 5)), np.full((1, 1, 3), np.nan)])
def test_refuses_what_is_no_number_of_seeds_and_images(values: np.ndarray) -> None:
    with pytest.raises(SpecError, match="finite numbers of rows, seeds and images; got shape"):
        mean_intervals(values)


def test_refuses_one_image_and_one_cluster() -> None:
    with pytest.raises(SpecError, match="two images or clusters of them; got 1"):
        mean_intervals(np.zeros((1, 2, 1)))
    with pytest.raises(SpecError, match="two images or clusters of them; got 1"):
        mean_intervals(np.zeros((1, 2, 4)), clusters=np.zeros(4, dtype=np.int64))
