import itertools
import re

import numpy as np
import pytest
from scipy.special import ndtr

from attnbench.errors import SpecError
from attnbench.stats import holm_adjusted, rank_letters


def closed_testing(p_values: list[float]) -> list[float]:
    """Holm's adjusted p-values as the closure of Bonferroni's test, by every subset."""
    tests = range(len(p_values))
    adjusted = [0.0] * len(p_values)
    for size in range(1, len(p_values) + 1):
        for subset in itertools.combinations(tests, size):
            together = min(1.0, size * min(p_values[test] for test in subset))
            for test in subset:
                adjusted[test] = max(adjusted[test], together)
    return adjusted


def shares(first: str, second: str) -> bool:
    return bool(set(first) & set(second))


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_the_closure_of_bonferroni(seed: int) -> None:
    generator = np.random.default_rng(seed)
    p_values = (generator.integers(1, 30, size=7) / 30 * generator.choice([0.1, 1])).tolist()
    assert holm_adjusted(p_values) == pytest.approx(closed_testing(p_values), rel=1e-12)


def test_holm_by_hand() -> None:
    # 4 × 0.005, 3 × 0.01, 2 × 0.03, then 0.04 that may not come before 0.06.
    assert holm_adjusted([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm_adjusted([0.7, 0.6]) == [1.0, 1.0]
    assert holm_adjusted([]) == []


def test_holm_holds_the_family_where_tests_depend_on_each_other() -> None:
    generator = np.random.default_rng(0)
    false = 0
    for _ in range(2000):
        shared = generator.normal()
        # Five comparisons to one baseline, all of them null, of correlation 0.5.
        scores = (generator.normal(size=5) + shared) / 2**0.5
        p_values = [float(p) for p in 2 * ndtr(-np.abs(scores))]
        false += min(holm_adjusted(p_values)) <= 0.05
    assert 0.03 <= false / 2000 <= 0.06


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_refuses_what_is_no_probability(wrong: float) -> None:
    with pytest.raises(SpecError, match=rf"lie in \[0, 1\]; got {wrong} among them"):
        holm_adjusted([0.5, wrong])


@pytest.mark.parametrize("seed", range(30))
def test_two_share_a_letter_exactly_if_they_do_not_differ(seed: int) -> None:
    generator = np.random.default_rng(seed)
    num_variants = int(generator.integers(2, 9))
    upper = np.triu(generator.random((num_variants, num_variants)) < generator.random(), 1)
    differs = upper | upper.T
    letters = rank_letters(differs)
    for first, second in itertools.permutations(range(num_variants), 2):
        assert shares(letters[first], letters[second]) != differs[first, second]
    # As few as the algorithm can do: the sets that hold a letter are the largest without a difference.
    columns = {
        frozenset(index for index, own in enumerate(letters) if letter in own) for letter in set("".join(letters))
    }
    assert columns == largest_alike(differs)


def largest_alike(differs: np.ndarray) -> set[frozenset[int]]:
    """By trying every subset."""
    variants = range(len(differs))
    alike = [
        frozenset(subset)
        for size in range(1, len(differs) + 1)
        for subset in itertools.combinations(variants, size)
        if not differs[np.ix_(subset, subset)].any()
    ]
    return {subset for subset in alike if not any(subset < other for other in alike)}


def test_letters_follow_the_table() -> None:
    differs = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0], [1, 1, 0, 0]], dtype=bool)
    assert rank_letters(differs) == ["a", "ab", "bc", "c"]
    assert rank_letters(np.zeros((3, 3), dtype=bool)) == ["a", "a", "a"]
    assert rank_letters(~np.eye(3, dtype=bool)) == ["a", "b", "c"]
    assert rank_letters(np.zeros((0, 0), dtype=bool)) == []


def test_more_letters_than_the_alphabet_has() -> None:
    letters = rank_letters(~np.eye(28, dtype=bool))
    assert letters[25:] == ["z", "a1", "b1"]
    # The first of 28 is like the two last, and so has two letters.
    differs = ~np.eye(28, dtype=bool)
    differs[0, 26:] = differs[26:, 0] = False
    assert rank_letters(differs)[0] == "ab"


def test_refuses_what_is_no_table_of_differences() -> None:
    for wrong in (np.ones((2, 2)), np.array([[0, 1], [0, 0]]), np.zeros((2, 3)), np.zeros(4)):
        with pytest.raises(SpecError, match=re.escape(f"got shape {wrong.shape}")):
            rank_letters(wrong.astype(bool))
