import math

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from attnbench.record import Record
from attnbench.report.machines import machine_of
from attnbench.report.plan import MOST_SEEDS, Plan, plan_differences, plan_seeds, pooled_deviation
from attnbench.report.plan_terminal import render_plan
from attnbench.stats import seeds_needed, smallest_detectable_difference
from tests.records import make_record

DIFFERENCES = {"sge": (1.0, 0.0, 2.0, 1.0), "se": (0.5, 0.1, 0.3)}
SETTINGS = {"alpha": 0.05, "power": 0.8}


def records() -> list[Record]:
    made = [make_record("none", seed, 80.0 + seed, train_s=95.0) for seed in range(4)]
    for name, values in DIFFERENCES.items():
        train_s = {"sge": 195.0, "se": 295.0}[name]
        made += [make_record(name, seed, 80.0 + seed + value, train_s=train_s) for seed, value in enumerate(values)]
    return made


def shown(plan: Plan, width: int = 200, *, processor: str | None = None) -> str:
    console = Console(width=width)
    here = machine_of(make_record(processor=processor).environment) if processor else None
    with console.capture() as capture:
        console.print(render_plan(plan, num_workers=2, here=here))
    return capture.get()


def test_pools_variances_by_their_degrees_of_freedom() -> None:
    deviation = pooled_deviation(DIFFERENCES)
    assert deviation is not None
    own = {name: float(np.std(values, ddof=1)) for name, values in DIFFERENCES.items()}
    assert deviation.by_variant == {name: (pytest.approx(own[name]), len(DIFFERENCES[name])) for name in own}
    assert deviation.points == pytest.approx(math.sqrt((3 * own["sge"] ** 2 + 2 * own["se"] ** 2) / 5))
    # 5² / (5 + ¼ (2 + 2))
    assert deviation.degrees == pytest.approx(25 / 6)
    low, high = (math.sqrt(25 / 6 / stats.chi2.ppf(share, 25 / 6)) for share in (0.975, 0.025))
    assert (deviation.low, deviation.high) == pytest.approx((low * deviation.points, high * deviation.points))


def test_one_variant_has_the_degrees_of_its_seeds() -> None:
    deviation = pooled_deviation({"sge": DIFFERENCES["sge"]})
    assert deviation is not None
    assert deviation.degrees == 3


def test_the_interval_holds_the_deviation_as_often_as_promised() -> None:
    # Six variants and a baseline of equal noise, five seeds: a difference has the deviation √2.
    random = np.random.default_rng(7)
    held = 0
    for _ in range(1000):
        top1 = random.normal(size=(7, 5))
        deviation = pooled_deviation({str(row): (top1[row] - top1[0]).tolist() for row in range(1, 7)})
        assert deviation is not None
        held += deviation.low <= math.sqrt(2) <= deviation.high
    assert held / 1000 == pytest.approx(0.95, abs=0.025)


def test_a_variant_that_is_the_baseline_tells_nothing_of_the_noise() -> None:
    alone = pooled_deviation(DIFFERENCES)
    assert alone is not None
    copies = {"copy": (0.0, 0.0, 0.0), "short": (0.0,), "moved": (0.5, 0.5, 0.5)}
    deviation = pooled_deviation({**DIFFERENCES, "copy": copies["copy"], "short": copies["short"]})
    assert deviation is not None
    assert deviation.left_out == ("copy",)
    assert (deviation.ends, deviation.degrees) == (alone.ends, alone.degrees)
    assert deviation.by_variant == alone.by_variant
    # A variant that differs by the same on every seed tells that the noise is small.
    moved = pooled_deviation({**DIFFERENCES, "moved": copies["moved"]})
    assert moved is not None
    assert moved.points < alone.points


def test_a_variant_that_is_left_out_is_named() -> None:
    copied = [*records(), *(make_record("copy", seed, 80.0 + seed) for seed in range(3))]
    assert "so left out: copy." in shown(plan_seeds(copied, 10, **SETTINGS))
    assert "left out" not in shown(plan_seeds(records(), 10, **SETTINGS))


def test_few_runs_take_as_long_as_the_longest_of_them() -> None:
    # One more of sge and two more of se to five seeds, of 100 s, 200 s and 300 s.
    plan = plan_seeds(records(), 5, **SETTINGS)
    design = plan.designs[0]
    assert design.further == {"none": 1, "sge": 1, "se": 2}
    assert plan.wall_s(design, 2) == (100 + 200 + 2 * 300) / 2
    assert plan.wall_s(design, 64) == 300
    assert plan.wall_s(plan_seeds(records(), 4, **SETTINGS).designs[0], 64) == 300
    assert plan.wall_s(plan_seeds(records(), 3, **SETTINGS).designs[0], 64) == 0


def test_small_differences_keep_two_digits() -> None:
    rows = shown(plan_differences(records(), [0.001, 0.0123456, 12.3456], **SETTINGS)).splitlines()
    assert [row.split()[0] for row in rows if "against the baseline (2)" in row] == ["0.001", "0.012", "12.35"]
    tiny = [make_record("none", seed, 80.0) for seed in range(3)]
    tiny += [make_record("sge", seed, 80.0 + 0.0001 * seed) for seed in range(3)]
    assert "a standard deviation of 0.00010 points" in shown(plan_seeds(tiny, 9, **SETTINGS))


def test_seeds_runs_and_hours_of_a_difference() -> None:
    plan = plan_differences(records(), [1.0], **SETTINGS)
    assert plan.deviation is not None
    baseline, pairs = plan.designs
    for design, num_tests in ((baseline, 2), (pairs, 3)):
        expected = tuple(seeds_needed(1.0, points, num_tests=num_tests) for points in plan.deviation.ends)
        assert design.num_seeds == expected
        assert design.num_tests == num_tests
        wanted = expected[0]
        assert design.further_runs == (wanted - 4) + (wanted - 4) + (wanted - 3)
        assert plan.wall_s(design, 2) == ((wanted - 4) * 100 + (wanted - 4) * 200 + (wanted - 3) * 300) / 2
    assert plan.most_further_runs == pairs.further_runs
    assert baseline.num_seeds[1] < baseline.num_seeds[0] < baseline.num_seeds[2]  # type: ignore[operator]


def test_the_difference_of_a_number_of_seeds() -> None:
    plan = plan_seeds(records(), 10, **SETTINGS)
    assert plan.deviation is not None
    assert plan.designs[0].difference == tuple(
        smallest_detectable_difference(points, 10, num_tests=2) for points in plan.deviation.ends
    )
    assert plan.designs[0].further_runs == 6 + 6 + 7


def test_too_many_seeds_are_not_counted() -> None:
    plan = plan_differences(records(), [0.001], **SETTINGS)
    assert plan.designs[0].num_seeds == (None, None, None)
    assert f">{MOST_SEEDS:,}" in shown(plan)


def test_too_few_seeds_show_nothing() -> None:
    plan = plan_seeds(records(), 3, **SETTINGS)
    assert plan.designs[0].difference == (math.inf,) * 3
    assert plan.designs[0].further_runs == 0
    assert "no Δ" in shown(plan)


@pytest.mark.parametrize(
    "few",
    [
        [make_record("none"), make_record("sge")],
        [make_record("sge", seed, 80 + seed**2) for seed in range(3)],
        [make_record(name, seed) for name in ("none", "sge") for seed in range(3)],
    ],
    ids=["one seed", "no baseline", "no noise"],
)
def test_unknown_noise_is_said_and_not_guessed(few: list[Record]) -> None:
    plan = plan_differences(few, [1.0], **SETTINGS)
    assert plan.deviation is None
    assert plan.designs == ()
    assert "nothing is known of the noise" in shown(plan)


def test_says_how_badly_the_deviation_is_known_and_where_the_hours_are_from() -> None:
    plan = plan_differences(records(), [1.0], **SETTINGS)
    text = shown(plan, processor="Another CPU")
    for words in ("chi-square of 4.2 degrees of freedom", "badly known", "2 runs at a time", "from another machine"):
        assert words in text
    assert "another machine" not in shown(plan, processor="Example CPU 3000")
    mixed = [*records(), make_record("se", 3, 83.2, processor="Another CPU")]
    assert "several machines" in shown(plan_differences(mixed, [1.0], **SETTINGS))


@pytest.mark.parametrize("width", [80, 120])
def test_fits_the_terminal(width: int) -> None:
    text = shown(plan_differences(records(), [0.2, 0.5, 1.0, 2.0], **SETTINGS), width)
    assert max(map(len, text.splitlines())) <= width
    assert "every pair (3)" in text
