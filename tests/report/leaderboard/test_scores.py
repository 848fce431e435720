import numpy as np
import pytest

from attnbench.report.leaderboard.scores import BySeed, ScoreKey, scores_of

GENERATOR = np.random.default_rng(0)
IMAGES = 50 + 10 * GENERATOR.normal(size=100)


def numbers(mean: float, num_seeds: int, *, noise: float = 1.0) -> BySeed:
    generator = np.random.default_rng(int(mean * 10))
    return {seed: IMAGES + mean + noise * generator.normal(size=100) for seed in range(num_seeds)}


def test_means_are_over_seeds_and_images() -> None:
    by_seed = {3: np.array([10.0, 20.0]), 1: np.array([30.0, 40.0])}
    score = scores_of({("x", "a"): by_seed})["x", "a"]
    assert score.percent == pytest.approx(25.0)
    assert score.seeds == (1, 3)
    assert score.difference is None


def test_differences_are_paired_by_seed_and_image() -> None:
    values: dict[ScoreKey, BySeed] = {("x", "none"): numbers(0.0, 6), ("x", "se"): numbers(3.0, 6)}
    score = scores_of(values, baseline="none", compared=("x",))["x", "se"]
    found = score.difference
    assert found is not None
    assert found.mean == pytest.approx(3.0, abs=0.3)
    assert found.low < 3.0 < found.high
    # The images, which differ by 10, cancel.
    assert found.high - found.low < 1.0 < score.half_width  # type: ignore[operator]
    assert found.test.method == "permutation"
    assert found.test.p_value == 2 / 2**6
    assert (found.family_size, found.is_shown) == (1, True)


def test_each_score_is_a_family_of_its_own() -> None:
    values: dict[ScoreKey, BySeed] = {
        (what, name): numbers(mean, 6)
        for what in ("x", "y")
        for name, mean in (("none", 0.0), ("se", 3.0), ("sge", 4.0))
    }
    scores = scores_of(values, baseline="none", compared=("x",))
    differences = [scores["x", name].difference for name in ("se", "sge")]
    assert [found and (found.family_size, found.p_corrected) for found in differences] == [(2, 4 / 2**6)] * 2
    assert all(scores["y", name].difference is None for name in ("none", "se", "sge"))
    assert scores["x", "none"].difference is None


def test_one_seed_is_tested_over_its_images_and_gets_no_star() -> None:
    values: dict[ScoreKey, BySeed] = {("x", "none"): numbers(0.0, 1), ("x", "se"): numbers(3.0, 1)}
    found = scores_of(values, baseline="none", compared=("x",))["x", "se"].difference
    assert found is not None
    assert found.test.method == "t over images"
    assert found.p_corrected < 1e-6
    assert (found.is_shown, found.is_shown_for_networks, found.deviation) == (False, True, None)


def test_images_of_one_source_count_as_one() -> None:
    values: dict[ScoreKey, BySeed] = {("x", "none"): {seed: np.repeat(IMAGES, 4) for seed in range(3)}}
    apart = scores_of(values)["x", "none"]
    together = scores_of(values, clusters=np.arange(400) // 4)["x", "none"]
    assert together.half_width == pytest.approx(2 * apart.half_width, rel=0.2)  # type: ignore[operator]


def test_variants_of_other_seeds_are_compared_over_those_they_share() -> None:
    other = {seed: found for seed, found in numbers(3.0, 5).items() if seed > 1}
    values: dict[ScoreKey, BySeed] = {("x", "none"): numbers(0.0, 3), ("x", "se"): other, ("x", "sge"): {9: IMAGES}}
    scores = scores_of(values, baseline="none", compared=("x",))
    shared = scores["x", "se"].difference
    assert shared is not None
    assert shared.seeds == (2,)
    assert scores["x", "se"].seeds == (2, 3, 4)
    assert scores["x", "sge"].difference is None


@pytest.mark.parametrize(("num_images", "clusters"), [(1, None), (4, np.zeros(4, dtype=np.int64))])
def test_one_image_has_a_mean_and_no_interval(num_images: int, clusters: np.ndarray | None) -> None:
    values: dict[ScoreKey, BySeed] = {("x", name): {0: np.full(num_images, 20.0)} for name in ("none", "se")}
    score = scores_of(values, baseline="none", compared=("x",), clusters=clusters)["x", "se"]
    assert (score.percent, score.low, score.high, score.half_width, score.difference) == (20.0, None, None, None, None)


def test_an_interval_stays_within_what_a_percentage_can_be() -> None:
    values: dict[ScoreKey, BySeed] = {("x", "a"): {0: np.array([100.0] * 9 + [98.0]), 1: np.full(10, 100.0)}}
    score = scores_of(values)["x", "a"]
    assert score.high == 100.0
    assert score.low is not None
    assert score.low < 99.9
