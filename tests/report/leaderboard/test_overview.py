import io

import pytest
from rich.console import Console

from attnbench.report import board_of, comparable, overview, render_overview
from attnbench.report.leaderboard.overview import OverviewRow
from tests.records import make_record
from tests.report.leaderboard.test_table import clear


def test_a_line_says_what_the_whole_leaderboard_says() -> None:
    groups = comparable([*clear(), *clear(3, data="cluttered-digits")])
    few, many = overview(groups)
    assert many == OverviewRow(
        number=2,
        data="fashion-mnist",
        backbone="cifar-resnet:depth=20",
        epochs=6,
        num_variants=4,
        num_seeds=10,
        best="sge",
        best_top1_percent=many.best_top1_percent,
        best_difference=many.best_difference,
        higher=1,
        lower=1,
    )
    board = board_of(groups[1])
    assert many.best_top1_percent == pytest.approx(board.rows[0].top1_percent.mean)
    assert board.rows[0].top1_difference is not None
    assert many.best_difference is not None
    assert abs(many.best_difference - board.rows[0].top1_difference.mean) < 1e-9
    shown = [row.variant for row in board.rows if row.top1_difference and row.top1_difference.is_shown]
    assert shown == ["sge", "se"]
    assert (few.higher, few.lower) == (0, 0)


def test_it_agrees_with_the_table_where_some_have_one_seed() -> None:
    records = [*clear(7), make_record("bam", 0, 99.0)]
    (row,) = overview(comparable(records))
    (group,) = comparable(records)
    shown = [found.top1_difference for found in board_of(group).rows if found.top1_difference is not None]
    assert (row.higher, row.lower) == (
        sum(found.is_shown and found.mean > 0 for found in shown),
        sum(found.is_shown and found.mean < 0 for found in shown),
    )
    assert row.higher == 1


def test_without_a_baseline_nothing_is_compared() -> None:
    (row,) = overview(comparable([make_record("sge", 0), make_record("sge", 1)]))
    assert (row.best_difference, row.higher, row.lower) == (None, 0, 0)


def test_one_seed_shows_nothing() -> None:
    (row,) = overview(comparable([make_record("sge", top1=99.0), make_record("none", top1=1.0)]))
    assert (row.higher, row.lower) == (0, 0)


def test_the_lines_are_numbered_and_say_how_to_see_one() -> None:
    pipe = io.StringIO()
    rows = overview(comparable([*clear(), *clear(3, data="cluttered-digits")]))
    Console(file=pipe, width=80).print(render_overview(rows, store="my [store]", problems=["a.json is damaged"]))
    text = pipe.getvalue()
    assert "2 leaderboards in my [store]" in text
    for words in ("cluttered-digits", "One of them: attnbench report my [store] --board N", "a.json is damaged"):
        assert words in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
