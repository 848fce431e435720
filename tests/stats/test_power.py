import math
import time
from statistics import NormalDist

import numpy as np
import pytest

from attnbench.errors import SpecError
from attnbench.stats import (
    fewest_seeds,
    permutation_test,
    permutation_tests,
    seeds_needed,
    smallest_detectable_difference,
)


def shown(difference: float, num_seeds: int, level: float, trials: int = 1500) -> float:
    """How often the test itself shows a difference, of deviation 1."""
    noise = np.random.default_rng(99).normal(difference, 1, size=(trials, num_seeds))
    return float(np.mean([permutation_test(row.tolist(), [0.0] * num_seeds).p_value <= level for row in noise]))


# Few extreme choices of signs are simulated, many are Student's. 1,500 trials of 80 % have an error of 1 %.
@pytest.mark.parametrize(
    ("num_seeds", "num_tests"), [(6, 1), (7, 1), (8, 6), (10, 1), (10, 21), (12, 6), (12, 1), (12, 21)]
)
def test_the_test_shows_the_difference_as_often_as_promised(num_seeds: int, num_tests: int) -> None:
    difference = smallest_detectable_difference(1.0, num_seeds, num_tests=num_tests)
    assert shown(difference, num_seeds, 0.05 / num_tests) == pytest.approx(0.8, abs=0.035)


def test_another_power_and_level_are_kept_too() -> None:
    difference = smallest_detectable_difference(1.0, 8, alpha=0.1, power=0.5)
    assert shown(difference, 8, 0.1) == pytest.approx(0.5, abs=0.04)


def test_one_extreme_choice_is_all_signs_alike() -> None:
    # Six seeds at 5 % reject exactly if all differences have one sign: Φ(δ)⁶ + Φ(−δ)⁶.
    difference = smallest_detectable_difference(1.0, 6)
    assert difference == pytest.approx(NormalDist().inv_cdf(0.8 ** (1 / 6)), rel=0.02)


def test_many_seeds_are_as_of_a_known_deviation() -> None:
    # (z₀.₉₇₅ + z₀.₈) σ / √n
    assert smallest_detectable_difference(2.0, 400) == pytest.approx(2.8016 * 2 / 20, rel=0.01)


@pytest.mark.parametrize("num_tests", [1, 6, 21])
def test_below_the_floor_nothing_is_shown(num_tests: int) -> None:
    fewest = fewest_seeds(num_tests=num_tests)
    assert smallest_detectable_difference(0.3, fewest - 1, num_tests=num_tests) == math.inf
    assert math.isfinite(smallest_detectable_difference(0.3, fewest, num_tests=num_tests))
    assert seeds_needed(1000.0, 0.3, num_tests=num_tests) == fewest
    assert seeds_needed(0.1, 0.0, num_tests=num_tests) == fewest


def test_the_unit_is_the_deviations() -> None:
    once, tenfold = (smallest_detectable_difference(deviation, 9, num_tests=2) for deviation in (0.4, 4.0))
    assert tenfold == pytest.approx(10 * once)
    assert smallest_detectable_difference(0.0, 9) == 0.0


@pytest.mark.parametrize("num_tests", [1, 6, 21])
@pytest.mark.parametrize("difference", [0.3, 1.0, -1.0, 1.7])
def test_seeds_needed_are_the_first_that_show_the_difference(difference: float, num_tests: int) -> None:
    needed = seeds_needed(difference, 1.0, num_tests=num_tests)
    assert smallest_detectable_difference(1.0, needed, num_tests=num_tests) <= abs(difference)
    for fewer in range(2, needed):
        assert smallest_detectable_difference(1.0, fewer, num_tests=num_tests) > abs(difference)


@pytest.mark.parametrize("num_tests", [1, 6, 21])
def test_more_seeds_see_smaller_differences(num_tests: int) -> None:
    # From 21 seeds on, signs are drawn and the level is the same for every number of them.
    seen = [smallest_detectable_difference(1.0, number, num_tests=num_tests) for number in range(21, 200)]
    assert seen == sorted(seen, reverse=True)
    assert seen[0] < 1.5


@pytest.mark.parametrize("difference", [0.05, 0.001])
def test_a_tiny_difference_takes_no_time_either(difference: float) -> None:
    started = time.process_time()
    needed = seeds_needed(difference, 1.0, num_tests=6)
    assert time.process_time() - started < 2
    assert smallest_detectable_difference(1.0, needed, num_tests=6) <= difference
    assert smallest_detectable_difference(1.0, needed - 1, num_tests=6) > difference
    # (z₀.₉₉₅₈ + z₀.₈)² σ² / Δ²
    assert needed == pytest.approx((2.6383 + 0.8416) ** 2 / difference**2, rel=0.01)


def test_takes_no_time() -> None:
    started = time.process_time()
    smallest_detectable_difference(1.0, 16, num_tests=190, power=0.81)
    assert time.process_time() - started < 5  # 0.5 s; the rest is for a busy machine


def test_every_pair_of_47_variants_has_a_number_of_seeds() -> None:
    started, num_tests = time.process_time(), 47 * 46 // 2
    seen = [smallest_detectable_difference(1.0, number, num_tests=num_tests) for number in range(2, 61)]
    assert seen[:14] == [math.inf] * 14  # 2 to 15: 2¹⁶ ≥ 2 · 1081 / 0.05
    assert seen == sorted(seen, reverse=True)
    differences = (5.0, 2.0, 1.6, 1.4, 1.36, 1.3, 1.0, 0.7, 0.5)
    needed = [seeds_needed(difference, 1.0, num_tests=num_tests) for difference in differences]
    assert needed == sorted(needed)
    for difference, number in zip(differences[:-2], needed[:-2], strict=True):
        assert number == 2 + next(place for place, shown in enumerate(seen) if shown <= difference)
    # (z + z₀.₈)² / Δ² with z of the level 0.05 / 2162, and a few for the deviation that is not known
    known = (-NormalDist().inv_cdf(0.025 / num_tests) + 0.8416) ** 2 / 0.5**2
    assert known < needed[-1] < known + 10
    assert time.process_time() - started < 20  # 2 s; the rest is for a busy machine


# From 21 seeds on, the test draws its signs, and must show as much as is promised of all of them.
def test_drawn_signs_show_the_difference_as_often_as_promised() -> None:
    num_tests = 47 * 46 // 2
    difference = smallest_detectable_difference(1.0, 24, num_tests=num_tests)
    trials = np.random.default_rng(5).normal(difference, 1, size=(400, 24))
    p_values = [test.p_value for test in permutation_tests(trials)]
    assert np.mean(np.array(p_values) <= 0.05 / num_tests) == pytest.approx(0.8, abs=0.05)


def test_refuses_what_is_out_of_range() -> None:
    with pytest.raises(SpecError, match="deviation=-1"):
        smallest_detectable_difference(-1, 6)
    with pytest.raises(SpecError, match="deviation=nan"):
        seeds_needed(1.0, float("nan"))
    with pytest.raises(SpecError, match="at least 2; got num_seeds=1"):
        smallest_detectable_difference(1, 1)
    with pytest.raises(SpecError, match=r"power must lie in \(0, 1\); got power=1"):
        smallest_detectable_difference(1, 6, power=1)
    with pytest.raises(SpecError, match="got alpha=0"):
        smallest_detectable_difference(1, 6, alpha=0)
    with pytest.raises(SpecError, match="got num_tests=0"):
        seeds_needed(1.0, 1.0, num_tests=0)
    with pytest.raises(SpecError, match="finite and not 0; got difference=0"):
        seeds_needed(0, 1.0)
    with pytest.raises(SpecError, match="no number of seeds shows it"):
        seeds_needed(0.1, 1.0, alpha=0.05, num_tests=100_000)
