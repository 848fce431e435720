"""The one table of a leaderboard that every format shows: rounded text, and beside it the numbers as measured."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from attnbench.presets.published import ImageNetRow, published_for
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.letters import share_letter
from attnbench.report.leaderboard.notes import conclusions, conditions, heading
from attnbench.report.numbers import (
    between,
    half_width,
    macs_unit,
    p_value,
    signed_count,
    signed_number,
    signed_points,
)

Raw: TypeAlias = str | int | float | None
"""A value as measured; an infinite one is none."""

_EMPHASIS = (
    "Bold: not shown to differ from the first, shown to be higher than some other, and not shown to be lower than any."
)
_SOURCE = "Li, Hu, Yang, arXiv 1905.09646"

_DIFFERENCE_KEYS = (
    "top1_difference_percent", "top1_difference_low_percent", "top1_difference_high_percent", "num_shared_seeds",
    "p_value", "p_corrected", "test", "smallest_detectable_percent",
)  # fmt: skip
"""Names of a difference's values as measured."""

STAR, DAGGER = "*", "†"
"""Marks of a difference that is shown over seeds, and of one that is shown for two networks only."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number of one variant."""

    text: str = ""
    """Rounded; empty where there is none."""
    beside: str = ""
    """What belongs to it: its difference or its uncertainty."""
    raw: tuple[Raw, ...] = ()
    """As measured, in the order of the column's keys."""
    stands_out: bool = False
    """Whether it is the best, and shown to be."""


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A number of every variant."""

    header: str
    """What it is, with its unit."""
    beside: str = ""
    """What stands beside it."""
    keys: tuple[str, ...] = ()
    """Names of the values as measured, with their units."""
    cells: tuple[Cell, ...]
    """In the order of the table's rows."""
    source: str = ""
    """Whose number it is, where it was not measured here."""
    is_minor: bool = False
    """Whether a narrow terminal leaves it out."""


@dataclass(frozen=True, kw_only=True)
class LeaderboardTable:
    """A leaderboard as a table with the sentences around it."""

    title: str
    """Backbone and data."""
    conditions: tuple[str, ...]
    """What it was measured on, a line each."""
    names: tuple[str, ...]
    """The variants, best first."""
    baseline: str | None
    """Which of them the others are compared with."""
    columns: tuple[TableColumn, ...]
    """Measured columns first, published ones after them."""
    notes: tuple[str, ...]
    """What it tells and what it does not, a paragraph each."""
    emphasis: str
    """What it means that cells stand out, for formats that show it; empty where none does."""


def leaderboard_table(board: Leaderboard) -> LeaderboardTable:
    """The table of a leaderboard."""
    best = _shown_best(board)
    published, baseline = _published(board), board.baseline
    differences = [row.top1_difference for row in board.rows]
    columns = (
        _rank(board),
        top1_column(board.rows, best=best),
        *difference_columns(differences, header="Δ top-1", best=best),
        *cost_columns(board.rows),
        *published,
    )
    stands_out = any(cell.stands_out for column in columns for cell in column.cells)
    credit = [f"Published columns are the numbers of {_SOURCE}, not measured here."] if published else []
    return LeaderboardTable(
        title=heading(board),
        conditions=tuple(conditions(board.facts)),
        names=tuple(row.variant for row in board.rows),
        baseline=baseline.variant if baseline else None,
        columns=columns,
        notes=(*conclusions(board), *credit),
        emphasis=_EMPHASIS if stands_out else "",
    )


def cost_columns(rows: Sequence[Row]) -> tuple[TableColumn, ...]:
    """Parameters, multiply-accumulates and speed."""
    return _parameters(rows), _macs(rows), _speed(rows)


def top1_column(rows: Sequence[Row], *, best: Collection[str] = ()) -> TableColumn:
    """Accuracy over seeds."""

    def cell(row: Row) -> Cell:
        top1 = row.top1_percent
        return Cell(
            text=f"{top1.mean:.2f}",
            beside=half_width(top1),
            raw=(top1.mean, top1.half_width, len(row.seeds)),
            stands_out=row.variant in best,
        )

    return _column(rows, cell, "top-1 %", "± 95 %", ("top1_percent", "top1_half_width_percent", "num_seeds"))


def difference_columns(
    differences: Sequence[Difference | None], *, header: str, prefix: str = "", best: Collection[str] = ()
) -> tuple[TableColumn, TableColumn]:
    """Differences to one variant with their intervals and marks, and their corrected p-values.

    Args:
        differences: In the order of the rows; none for a variant that is not compared.
        header: What the differences are.
        prefix: What the names of the values begin with.
        best: Variants whose difference stands out where it is shown.
    """

    def cell(found: Difference | None) -> Cell:
        if found is None:
            return Cell(raw=(None,) * len(_DIFFERENCE_KEYS))
        return Cell(
            text=signed_points(found.mean) + mark(found),
            beside=between(found.low, found.high),
            raw=(found.mean, found.low, found.high, len(found.seeds), found.test.p_value, found.p_corrected,
                 found.test.method, _finite(found.smallest_detectable)),
            stands_out=found.is_shown and found.variant in best,
        )  # fmt: skip

    def p_cell(found: Difference | None) -> Cell:
        return Cell(text="" if found is None else p_value(found.p_corrected))

    keys = tuple(prefix + key for key in _DIFFERENCE_KEYS)
    return (
        TableColumn(header=header, beside="95 %", keys=keys, cells=tuple(map(cell, differences))),
        TableColumn(header="p", beside="Holm", cells=tuple(map(p_cell, differences)), is_minor=True),
    )


def _column(
    rows: Sequence[Row], cell: Callable[[Row], Cell], header: str, beside: str = "", keys: tuple[str, ...] = ()
) -> TableColumn:
    return TableColumn(header=header, beside=beside, keys=keys, cells=tuple(map(cell, rows)))


def _rank(board: Leaderboard) -> TableColumn:
    return _column(board.rows, lambda row: Cell(text=row.rank, raw=(row.rank or None,)), "rank", keys=("rank",))


def _parameters(rows: Sequence[Row]) -> TableColumn:
    def cell(row: Row) -> Cell:
        difference = row.parameters_difference
        beside = "" if row.is_baseline or difference is None else f"({signed_count(difference)})"
        return Cell(text=f"{row.parameters:,}", beside=beside, raw=(row.parameters, difference))

    return _column(rows, cell, "params", "(Δ)", ("parameters", "parameters_difference"))


def _macs(rows: Sequence[Row]) -> TableColumn:
    unit, size = macs_unit(max(row.macs for row in rows))

    def cell(row: Row) -> Cell:
        difference = row.macs_difference
        beside = "" if row.is_baseline or difference is None else f"({signed_number(difference / size)})"
        return Cell(text=f"{row.macs / size:,.2f}", beside=beside, raw=(row.macs, difference))

    return _column(rows, cell, unit, "(Δ)", ("macs", "macs_difference"))


def _speed(rows: Sequence[Row]) -> TableColumn:
    def cell(row: Row) -> Cell:
        ratio = row.throughput_ratio
        return Cell(
            text=f"{ratio.median:.2f}",
            beside=f"({ratio.lower_quartile:.2f}–{ratio.upper_quartile:.2f})",
            raw=(_finite(row.images_per_s), ratio.median, ratio.lower_quartile, ratio.upper_quartile),
        )

    quartiles = ("throughput_ratio_lower_quartile", "throughput_ratio_upper_quartile")
    return _column(rows, cell, "images/s", "× baseline", ("images_per_s", "throughput_ratio", *quartiles))


def _published(board: Leaderboard) -> list[TableColumn]:
    """What the authors of SGE printed for the same networks; nothing where no row is one of theirs."""
    spec = board.facts.spec
    found = [published_for(spec.data, spec.backbone, row.records[0].spec.attention) for row in board.rows]
    if not any(found):
        return []

    def column(header: str, key: str, value: Callable[[ImageNetRow], float], decimals: int) -> TableColumn:
        numbers = [value(row) if row else None for row in found]
        cells = (Cell(text="" if number is None else f"{number:.{decimals}f}", raw=(number,)) for number in numbers)
        return TableColumn(header=header, beside="published", keys=(key,), cells=tuple(cells), source=_SOURCE)

    return [
        column("params M", "published_parameters_m", lambda row: row.parameters_m, 2),
        column("GFLOPs", "published_gflops", lambda row: row.gflops, 3),
        column("top-1 %", "published_top1_percent", lambda row: row.top1_percent, 2),
    ]


def mark(difference: Difference) -> str:
    """What is added to a difference that is shown."""
    if difference.is_shown:
        return STAR
    return DAGGER if difference.is_shown_for_networks else ""


def _shown_best(board: Leaderboard) -> set[str]:
    """The variants that cannot be told from the first, are shown to beat another, and are not shown to be beaten."""
    shown = [found for found in board.differences if found.is_shown]
    winners = {found.variant if found.mean > 0 else found.other for found in shown}
    losers = {found.other if found.mean > 0 else found.variant for found in shown}
    tied = {row.variant for row in board.rows if share_letter(board.rows[0].rank, row.rank)}
    return (winners - losers) & tied


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
