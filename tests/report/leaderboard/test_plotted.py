"""What page and plot files draw of a leaderboard, computed once for both."""

from dataclasses import replace
from statistics import fmean, stdev

import pytest

from attnbench.report.leaderboard.board import leaderboard
from attnbench.report.leaderboard.plotted import (
    accuracy_label,
    cost_label,
    cost_points,
    curve_of,
    relative_time,
    seed_differences,
    validation_label,
)
from tests.records import make_record


def test_a_band_is_one_standard_deviation_over_the_seeds_that_have_the_epoch() -> None:
    first, second, short = (make_record("none", seed, 84.0 + seed**2) for seed in range(3))
    curve = curve_of(leaderboard([first, second, replace(short, curve=short.curve[:2])]).rows[0])
    seeds = [record.curve[1].validation_top1_percent for record in (first, second, short)]

    assert curve.places == (1, 2, 3, 4, 5, 6)
    assert curve.means[1] == pytest.approx(fmean(seeds))
    assert curve.deviations[1] == pytest.approx(stdev(seeds))
    assert (curve.low[1], curve.high[1]) == pytest.approx((fmean(seeds) - stdev(seeds), fmean(seeds) + stdev(seeds)))
    assert (curve.means[5], curve.deviations[5]) == pytest.approx((84.5, 0.5**0.5))


def test_one_seed_has_no_deviation() -> None:
    curve = curve_of(leaderboard([make_record("none", 0, 84.0)]).rows[0])

    assert curve.deviations == (None,) * 6
    assert curve.low == curve.high == list(curve.means)


def test_seed_differences_are_those_of_shared_seeds_and_equal_counts_differ_by_nothing() -> None:
    records = [make_record("none", seed, 85.0) for seed in (0, 1, 2)]
    board = leaderboard([*records, make_record("se", 1, 85.07), make_record("se", 2, 85.0), make_record("se", 5, 86.0)])
    se = next(row for row in board.rows if row.variant == "se")

    assert seed_differences(board, se) == {1: pytest.approx(0.07), 2: 0.0}


def test_relative_time_is_the_inverse_of_the_tables_speed_with_its_quartiles_turned_round() -> None:
    board = leaderboard([
        make_record("none", 0, forward_ms=(10.0,) * 3, baseline_forward_ms=(10.0,) * 3),
        make_record("se", 0, forward_ms=(20.0, 40.0), baseline_forward_ms=(10.0, 10.0)),
    ])  # fmt: skip
    se = next(row for row in board.rows if row.variant == "se")
    time = relative_time(se.throughput_ratio)

    assert se.throughput_ratio.median == 0.375  # of an even number of passes, so that order matters
    assert (time.median, time.lower_quartile, time.upper_quartile, time.num_pairs) == pytest.approx(
        (1 / 0.375, 1 / 0.4375, 1 / 0.3125, 2)
    )
    point = next(point for point in cost_points(board, "time") if point.variant == "se")
    assert (point.cost, point.quartiles) == (time.median, (time.lower_quartile, time.upper_quartile))


def test_labels_say_unit_and_seeds() -> None:
    records = [make_record("none", seed, 85.0) for seed in (0, 1)]
    board = leaderboard([*records, make_record("se", 0, 85.0, parameters=1_000_000)])

    assert cost_label(board, "parameters") == ("parameters (millions)", 1e6)
    assert cost_label(leaderboard(records), "parameters") == ("parameters (thousands)", 1e3)
    assert cost_label(board, "macs") == ("multiply-accumulates of one image (MMACs)", 1e6)
    assert cost_label(board, "time") == ("inference time (× the baseline's), median", 1.0)
    assert accuracy_label(board) == "top-1 accuracy (%), mean over 1 to 2 seeds"
    assert validation_label(leaderboard(records[:1])) == "validation top-1 (%), 1 seed"
