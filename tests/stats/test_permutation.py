import itertools
import math

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.stats import (
    fewest_seeds,
    mcnemar_p,
    paired_accuracy_test,
    permutation_test,
    permutation_tests,
    smallest_p,
)


def by_hand(differences: NDArray[np.int64]) -> float:
    """Every choice of signs, one after the other, in whole numbers."""
    sums = [abs(int(np.dot(signs, differences))) for signs in itertools.product([-1, 1], repeat=len(differences))]
    return sum(other >= abs(int(differences.sum())) for other in sums) / len(sums)


@pytest.mark.parametrize("num_seeds", [1, 2, 3, 5, 8, 10])
def test_every_choice_of_signs_is_tried(num_seeds: int) -> None:
    generator = np.random.default_rng(num_seeds)
    for _ in range(10):
        # Few values, so that there are ties and zeros.
        differences = generator.integers(-2, 5, size=num_seeds)
        baseline = generator.integers(8000, 9000, size=num_seeds)
        # As accuracies, whose sums round.
        test = permutation_test(((baseline + differences) / 10_000).tolist(), (baseline / 10_000).tolist())
        assert test.p_value == by_hand(differences)


def test_is_scipys() -> None:
    generator = np.random.default_rng(0)
    samples, baseline = generator.normal(0.5, 1, size=(2, 9))
    expected = scipy.stats.permutation_test(
        (samples, baseline), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True
    )
    assert permutation_test(samples.tolist(), baseline.tolist()).p_value == pytest.approx(expected.pvalue, rel=1e-12)


def test_many_seeds_draw_the_signs() -> None:
    generator = np.random.default_rng(0)
    differences = generator.normal(0.45, 1, size=24).tolist()
    test = permutation_test(differences, [0.0] * 24)
    # What 24 differences give by every choice, and Student's t near it.
    exact = float((np.abs(all_sums(np.array(differences))) >= abs(sum(differences)) - 1e-9).mean())
    assert test.p_value == pytest.approx(exact, abs=4 * math.sqrt(exact / 20_000))
    assert test.p_value == pytest.approx(scipy.stats.ttest_1samp(differences, 0).pvalue, rel=0.5)
    assert test == permutation_test(differences, [0.0] * 24)
    assert test.p_value != permutation_test(differences, [0.0] * 24, seed=1).p_value


def all_sums(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    half = len(differences) // 2
    left, right = (
        np.array(list(itertools.product([-1, 1], repeat=len(part)))) @ part
        for part in (differences[:half], differences[half:])
    )
    return (left[:, None] + right[None]).ravel()


def test_drawn_signs_never_give_zero() -> None:
    test = permutation_test([1.0] * 40, [0.0] * 40)
    assert test.p_value == test.smallest_p == 2**-18


def test_more_seeds_do_not_show_less() -> None:
    # Every pair of 47 variants; with too few drawn signs nothing could pass.
    assert smallest_p(22) < 0.05 / 1081
    assert permutation_test([1.0] * 22, [0.0] * 22).can_reach(0.05, num_tests=1081)


def test_many_tests_give_what_each_gives_alone() -> None:
    generator = np.random.default_rng(0)
    for num_seeds in (7, 25):
        differences = generator.normal(0.3, 1, size=(6, num_seeds))
        differences[1, 3:] = 0
        differences[2] = 0
        alone = [permutation_test(row.tolist(), [0.0] * num_seeds) for row in differences]
        assert permutation_tests(differences) == alone
        assert alone[2].p_value == 1.0


def test_five_seeds_never_reach_five_percent() -> None:
    best = permutation_test([9.0, 8.0, 7.0, 9.0, 8.0], [0.0] * 5)
    assert best.p_value == best.smallest_p == 0.0625
    assert not best.can_reach(0.05)
    assert best.can_reach(0.0625)
    assert not best.can_reach(0.0625, num_tests=2)
    assert permutation_test([1.0] * 6, [0.0] * 6).can_reach(0.05)


@pytest.mark.parametrize("num_tests", [1, 2, 6, 21, 190])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.0625])
def test_fewest_seeds_is_the_first_that_reaches(alpha: float, num_tests: int) -> None:
    fewest = fewest_seeds(alpha, num_tests)
    assert smallest_p(fewest) <= alpha / num_tests < smallest_p(fewest - 1)


@pytest.mark.parametrize("num_seeds", [6, 9])
def test_rejects_as_often_as_it_says_whatever_the_distribution(num_seeds: int) -> None:
    generator = np.random.default_rng(0)
    differences = generator.standard_t(2, size=(3000, num_seeds))
    p_values = [permutation_test(row.tolist(), [0.0] * num_seeds).p_value for row in differences]
    for level in (1 / 32, 1 / 8, 1 / 2):
        error = math.sqrt(level * (1 - level) / 3000)
        assert np.mean(np.array(p_values) <= level) == pytest.approx(level, abs=3 * error)


def test_mcnemar_is_the_binomial_by_hand() -> None:
    for wins, losses in [(0, 1), (8, 1), (1, 8), (5, 5), (20, 9)]:
        trials = wins + losses
        tail = sum(math.comb(trials, k) for k in range(max(wins, losses), trials + 1)) / 2**trials
        assert mcnemar_p(wins, losses) == pytest.approx(min(1.0, 2 * tail), rel=1e-9)
    assert mcnemar_p(0, 0) == 1.0


def truths(generator: np.random.Generator, num_seeds: int, num_images: int, accuracy: float) -> NDArray[np.bool_]:
    return generator.random((num_seeds, num_images)) < accuracy


def test_one_seed_is_tested_over_images() -> None:
    generator = np.random.default_rng(0)
    samples, baseline = truths(generator, 1, 400, 0.85), truths(generator, 1, 400, 0.8)
    test = paired_accuracy_test(samples, baseline)
    wins, losses = int((samples & ~baseline).sum()), int((baseline & ~samples).sum())
    assert wins != losses
    assert (test.p_value, test.method, test.num_seeds) == (mcnemar_p(wins, losses), "mcnemar", 1)
    assert test.can_reach(1e-9)


def test_many_images_are_no_overflow() -> None:
    samples = np.ones((1, 5000), dtype=bool)
    test = paired_accuracy_test(samples, ~samples)
    assert test.smallest_p == 0.0
    assert test.p_value < 1e-300


def test_several_seeds_are_tested_over_seeds() -> None:
    generator = np.random.default_rng(0)
    samples, baseline = truths(generator, 6, 500, 0.9), truths(generator, 6, 500, 0.8)
    expected = permutation_test(samples.mean(1).tolist(), baseline.mean(1).tolist())
    test = paired_accuracy_test(samples, baseline, clusters=np.arange(500) % 20)
    assert test == expected
    assert (test.p_value, test.method, test.num_seeds) == (1 / 32, "permutation", 6)


def test_clusters_of_one_image_are_mcnemar() -> None:
    generator = np.random.default_rng(3)
    samples, baseline = truths(generator, 1, 40, 0.8), truths(generator, 1, 40, 0.5)
    alone = paired_accuracy_test(samples, baseline)
    clustered = paired_accuracy_test(samples, baseline, clusters=np.arange(40))
    assert clustered.p_value == pytest.approx(alone.p_value, abs=4 * math.sqrt(alone.p_value / 20_000) + 1e-4)
    assert clustered.method == "cluster permutation"


def test_images_of_one_source_are_not_counted_as_many() -> None:
    # Each source is decided once and shown forty times; 12 sources, 8 against 4.
    clusters = np.repeat(np.arange(12), 40)
    samples = (clusters < 8)[None]
    assert paired_accuracy_test(samples, ~samples).p_value < 1e-10
    clustered = paired_accuracy_test(samples, ~samples, clusters=clusters)
    assert clustered.p_value == pytest.approx(mcnemar_p(8, 4))
    assert clustered.smallest_p == 2 / 2**12


def test_variants_that_are_alike_do_not_differ() -> None:
    same = truths(np.random.default_rng(0), 1, 100, 0.5)
    assert paired_accuracy_test(same, same).p_value == 1.0
    assert paired_accuracy_test(same, same, clusters=np.arange(100) % 30).p_value == 1.0
    assert permutation_test([0.5] * 30, [0.5] * 30).p_value == 1.0


def test_refuses_what_has_no_pairs() -> None:
    with pytest.raises(SpecError, match="got lengths 2 and 1"):
        permutation_test([1.0, 2.0], [1.0])
    with pytest.raises(SpecError, match="got lengths 0 and 0"):
        permutation_test([], [])
    with pytest.raises(SpecError, match="needs finite numbers"):
        permutation_test([float("nan")], [1.0])
    with pytest.raises(SpecError, match=r"got shape \(2, 5\) and \(1, 5\) of the baseline"):
        paired_accuracy_test(np.ones((2, 5), dtype=bool), np.ones((1, 5), dtype=bool))
    with pytest.raises(SpecError, match="got wins=-1, losses=2"):
        mcnemar_p(-1, 2)
    with pytest.raises(SpecError, match="got alpha=5"):
        fewest_seeds(5)
    with pytest.raises(SpecError, match="got num_tests=0"):
        fewest_seeds(num_tests=0)
