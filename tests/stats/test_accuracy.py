import time

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from attnbench.errors import SpecError
from attnbench.stats import CrossedInterval, paired_accuracy_interval, pairwise_accuracy_intervals
from attnbench.stats.accuracy import cluster_totals
from attnbench.stats.crossed import resampled_means

Truths = NDArray[np.bool_]


def suite(
    generator: np.random.Generator,
    num_seeds: int,
    num_images: int = 300,
    *,
    of_seeds: float = 0.0,
    of_images: float = 0.0,
    copies: int = 1,
) -> tuple[Truths, Truths, float]:
    """Two variants' correctness, and the true difference of their accuracies.

    An answer is right where difficulty + taste + luck is above zero, all of them normal: the
    difficulty of an image is common to both variants, `of_images` is the deviation of what suits
    one of them, `of_seeds` that of a seed's luck, and each answer has luck of its own.
    """
    difficulty = np.repeat(generator.normal(size=num_images // copies), copies)
    deviation = np.sqrt(2 + of_seeds**2 + of_images**2)
    both = []
    for mean in (0.9, 0.7):
        taste = np.repeat(of_images * generator.normal(size=num_images // copies), copies)
        luck = of_seeds * generator.normal(size=(num_seeds, 1))
        both.append(mean + difficulty + taste + luck + generator.normal(size=(num_seeds, num_images)) > 0)
    return both[0], both[1], float(ndtr(0.9 / deviation) - ndtr(0.7 / deviation))


def coverage(
    num_seeds: int,
    *,
    of_seeds: float = 0.0,
    of_images: float = 0.0,
    copies: int = 1,
    clustered: bool = True,
    trials: int = 300,
) -> float:
    """How often the interval contains the true difference."""
    generator, contained = np.random.default_rng(0), 0
    clusters = np.arange(300) // copies if clustered and copies > 1 else None
    for _ in range(trials):
        samples, baseline, truth = suite(generator, num_seeds, of_seeds=of_seeds, of_images=of_images, copies=copies)
        contained += paired_accuracy_interval(samples, baseline, clusters=clusters, num_resamples=300).contains(truth)
    return contained / trials


# 300 trials of 95 % lie in 91.5 … 98.5 % but once in a hundred times.
@pytest.mark.parametrize("num_seeds", [3, 5, 10])
@pytest.mark.parametrize(("of_seeds", "of_images"), [(0.3, 0.0), (0.0, 2.0), (0.3, 0.7)])
def test_covers_as_often_as_it_says(num_seeds: int, of_seeds: float, of_images: float) -> None:
    assert 0.915 <= coverage(num_seeds, of_seeds=of_seeds, of_images=of_images) <= 0.985


@pytest.mark.parametrize("num_seeds", [3, 5, 10])
def test_covers_no_less_where_seeds_do_nothing_of_their_own(num_seeds: int) -> None:
    assert coverage(num_seeds) >= 0.94


def test_covers_for_one_seed_what_its_images_leave_open() -> None:
    assert 0.915 <= coverage(1) <= 0.985


def test_images_of_one_source_are_drawn_together() -> None:
    assert 0.915 <= coverage(5, of_images=1.0, copies=10) <= 0.985
    # Drawn alone, the ten images of a source would be taken for ten witnesses.
    assert coverage(5, of_images=1.0, copies=10, clustered=False) < 0.85


def test_seeds_that_matter_would_not_be_covered_without_students_quantile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.stats.crossed.stdtrit", lambda degrees, share: 1.96)
    assert coverage(3, of_seeds=0.3) < 0.88


def by_loops(differences: NDArray[np.float64]) -> tuple[float, float]:
    """V and its degrees of freedom from the sums of squares of a two-way table, written out."""
    num_seeds, num_images = differences.shape
    mean, seeds, images = differences.mean(), differences.mean(1), differences.mean(0)
    of_seeds = sum((seeds[s] - mean) ** 2 for s in range(num_seeds)) / (num_seeds - 1) / num_seeds
    of_images = sum((images[i] - mean) ** 2 for i in range(num_images)) / (num_images - 1) / num_images
    left = sum(
        (differences[s, i] - seeds[s] - images[i] + mean) ** 2 for s in range(num_seeds) for i in range(num_images)
    )
    of_both = left / ((num_seeds - 1) * (num_images - 1)) / (num_seeds * num_images)
    variance = max(of_both, of_seeds, of_images, of_seeds + of_images - of_both)
    spread = max(of_seeds, of_both) ** 2 / (num_seeds - 1) + of_images**2 / (num_images - 1)
    return variance, max(num_seeds - 1, variance**2 / spread)


@pytest.mark.parametrize("num_seeds", [2, 3, 8])
@pytest.mark.parametrize(("of_seeds", "of_images"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.9), (0.5, 0.9)])
def test_variance_is_that_of_a_two_way_table(num_seeds: int, of_seeds: float, of_images: float) -> None:
    samples, baseline, _ = suite(np.random.default_rng(1), num_seeds, 60, of_seeds=of_seeds, of_images=of_images)
    result = paired_accuracy_interval(samples, baseline)
    variance, degrees = by_loops(samples.astype(float) - baseline)
    assert result.standard_error == pytest.approx(variance**0.5, rel=1e-9)
    assert result.degrees == pytest.approx(degrees, rel=1e-9)
    assert result.mean == pytest.approx(samples.mean() - baseline.mean(), abs=1e-12)
    # About normal, so its ends are about Student's.
    half_width = stdtrit(degrees, 0.975) * variance**0.5
    assert result.high - result.low == pytest.approx(2 * half_width, rel=0.25)


def test_resamples_cross_drawn_seeds_and_drawn_clusters() -> None:
    correct = np.random.default_rng(0).random((2, 3, 20)) < 0.7
    clusters = np.array([0] * 3 + [5] * 7 + [2] * 10)
    totals, sizes = cluster_totals(correct, clusters)
    drawn = resampled_means(totals, sizes, 100, np.random.default_rng(4))
    generator = np.random.default_rng(4)
    seeds = generator.integers(3, size=(100, 3), dtype=np.int32)
    groups = generator.integers(3, size=(100, 3), dtype=np.int32)
    for resample in range(100):
        images = np.concatenate([np.flatnonzero(clusters == (0, 2, 5)[group]) for group in groups[resample]])
        expected = [correct[variant][seeds[resample]][:, images].mean() for variant in range(2)]
        assert drawn[resample] == pytest.approx(expected, rel=1e-6)


def test_resamples_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, baseline, _ = suite(np.random.default_rng(0), 3)
    whole = paired_accuracy_interval(samples, baseline)
    monkeypatch.setattr("attnbench.stats.crossed._DRAWN_AT_ONCE", 300 * 7)
    assert paired_accuracy_interval(samples, baseline) == whole


def test_clusters_of_one_image_change_nothing() -> None:
    samples, baseline, _ = suite(np.random.default_rng(0), 4)
    alone = paired_accuracy_interval(samples, baseline)
    assert paired_accuracy_interval(samples, baseline, clusters=np.arange(300)) == alone


def test_a_pair_does_not_depend_on_who_else_is_there() -> None:
    correct = np.random.default_rng(0).random((4, 5, 200)) < 0.8
    pairs = pairwise_accuracy_intervals(correct, num_resamples=500)
    assert sorted(pairs) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for (first, second), result in pairs.items():
        assert paired_accuracy_interval(correct[first], correct[second], num_resamples=500) == result
        mirrored = paired_accuracy_interval(correct[second], correct[first], num_resamples=500)
        assert (mirrored.mean, mirrored.low, mirrored.high) == pytest.approx((-result.mean, -result.high, -result.low))


def test_more_confidence_is_wider_and_another_seed_draws_anew() -> None:
    samples, baseline, _ = suite(np.random.default_rng(0), 5)
    results = [paired_accuracy_interval(samples, baseline, confidence=confidence) for confidence in (0.5, 0.9, 0.99)]
    widths = [result.high - result.low for result in results]
    assert widths == sorted(set(widths))
    assert paired_accuracy_interval(samples, baseline, confidence=0.9) == results[1]
    assert paired_accuracy_interval(samples, baseline, confidence=0.9, seed=1) != results[1]


def test_variants_that_agree_on_every_image_do_not_differ() -> None:
    samples, _, _ = suite(np.random.default_rng(0), 5)
    result = paired_accuracy_interval(samples, samples)
    assert (result.mean, result.low, result.high, result.standard_error) == (0, 0, 0, 0)
    assert result.contains(0)


def test_counts_what_it_drew() -> None:
    samples, baseline, _ = suite(np.random.default_rng(0), 4)
    result = paired_accuracy_interval(samples, baseline, clusters=np.arange(300) // 3, confidence=0.9)
    assert isinstance(result, CrossedInterval)
    assert (result.num_seeds, result.num_images, result.num_clusters, result.confidence) == (4, 300, 100, 0.9)


def test_a_table_takes_no_time() -> None:
    correct = np.random.default_rng(0).random((7, 5, 10_000)) < 0.9
    started = time.process_time()
    assert len(pairwise_accuracy_intervals(correct)) == 21
    assert time.process_time() - started < 2  # 0.5 s; the rest is for a busy machine


def test_refuses_what_is_no_table_of_answers() -> None:
    truths = np.ones((2, 5), dtype=bool)
    with pytest.raises(SpecError, match=r"got shape \(2, 5\) and \(2, 4\) of the baseline"):
        paired_accuracy_interval(truths, truths[:, :4])
    with pytest.raises(SpecError, match=r"truth values of each seed and image; got float64 of shape \(2, 5\)"):
        paired_accuracy_interval(truths * 1.0, truths * 1.0)
    with pytest.raises(SpecError, match=r"got bool of shape \(2, 5\)"):
        pairwise_accuracy_intervals(truths)
    with pytest.raises(SpecError, match=r"got bool of shape \(0, 5\)"):
        paired_accuracy_interval(truths[:0], truths[:0])
    with pytest.raises(SpecError, match=r"every image needs a cluster; got \(4,\) for 5 images"):
        paired_accuracy_interval(truths, truths, clusters=np.arange(4))
    with pytest.raises(SpecError, match="two images or clusters of them; got 1"):
        paired_accuracy_interval(truths, truths, clusters=np.zeros(5, dtype=np.int64))
    with pytest.raises(SpecError, match="at least 100; got num_resamples=99"):
        paired_accuracy_interval(truths, truths, num_resamples=99)
