import io
from typing import Any

import pytest
from rich.console import Console

from attnbench.record import Record
from attnbench.report.changes.boards import changes
from attnbench.report.changes.terminal import render_changes
from attnbench.report.leaderboard.board import leaderboards
from tests.report.changes.test_boards import store

GE = "ge:extent=8,parametric=false,stages=3,4"
OLD = {"none": 0.8, "se": 0.7, GE: 0.8, "[red]x": 0.8}


def show(a: list[Record], b: list[Record], *, width: int = 80, encoding: str = "utf-8", **options: Any) -> str:
    """What a pipe of that width gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render_changes(changes(leaderboards(a), leaderboards(b)), **options))
    pipe.seek(0)
    return pipe.read()


def stores() -> tuple[list[Record], list[Record]]:
    same = store({"none": 0.8})
    return [*same, *store({**OLD, "se": 0.8}, key=1)[8:]], [*same, *store(OLD)[8:]]


def rows(text: str, variant: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.startswith(f"{variant} ")]


def test_a_wide_terminal_has_the_accuracies_in_one_line() -> None:
    a, b = stores()
    text = show(a, b, width=120, names=("new", "old"))
    found = changes(leaderboards(a), leaderboards(b)).boards[0]
    se = next(change for change in found.variants if change.variant == "se")
    low, high = se.accuracy.low, se.accuracy.high
    assert low is not None
    assert high is not None
    accuracy = rows(text, "se")[0]
    assert accuracy[1:4] == [f"{se.before.top1_percent.mean:.2f}", "±", f"{se.before.top1_percent.half_width:.2f}"]
    assert accuracy[4:7] == [f"{se.after.top1_percent.mean:.2f}", "±", f"{se.after.top1_percent.half_width:.2f}"]
    assert accuracy[7:11] == [f"+{se.accuracy.mean:.2f}", "*", f"[+{low:.2f},", f"+{high:.2f}]"]
    assert accuracy[11] == f"{se.accuracy.p_corrected:.3f}"
    assert "the same" in next(line for line in text.splitlines() if line.startswith("none (baseline)"))
    assert text.startswith(
        "A, what is reported: new\nB, what it is compared with: old\n\ncifar-resnet:depth=20 on fash"
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_fits(width: int) -> None:
    text = show(*stores(), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "[red]x" in text


def test_a_console_without_other_characters_gets_none() -> None:
    text = show(*stores(), encoding="ascii")
    assert text.isascii()
    assert "A - B" in text
    assert "+-" in text


def test_records_that_could_not_be_read_are_named() -> None:
    assert "  a.json is damaged: no digest" in show(*stores(), problems=["a.json is damaged: no digest"])


def test_stores_without_anything_in_common_have_no_table() -> None:
    text = show(store({"none": 0.8}, num_seeds=1), store({"none": 0.8}, num_seeds=1, data="mnist"))
    assert "No leaderboard of A has a counterpart in B." in text
    assert "variant" not in text
