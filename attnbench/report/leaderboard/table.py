"""The one table of a leaderboard that every format shows: rounded text, and beside it the numbers as measured."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from attnbench.presets.published import ImageNetRow, published_for
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.cells import Cell, TableColumn, TablePart, difference_columns, finite
from attnbench.report.leaderboard.compilation import compile_columns
from attnbench.report.leaderboard.corrupted_table import corrupted_part
from attnbench.report.leaderboard.letters import share_letter
from attnbench.report.leaderboard.localised_table import localised_part
from attnbench.report.leaderboard.notes import conclusions, conditions, heading
from attnbench.report.numbers import (
    half_width,
    macs_unit,
    signed_count,
    signed_number,
)

_EMPHASIS = (
    "Bold: not shown to differ from the first, shown to be higher than some other, and not shown to be lower than any."
)
_SOURCE = "Li, Hu, Yang, arXiv 1905.09646"


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
    parts: tuple[TablePart, ...] = ()
    """What else was measured of the variants, a table each."""


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
        parts=table_parts(board),
    )


def table_parts(board: Leaderboard) -> tuple[TablePart, ...]:
    """The tables of what else was measured of the variants: where maps lie, and what is right on corrupted images."""
    found = [
        None if board.localisation is None else localised_part(board.localisation),
        None if board.robustness is None else corrupted_part(board.robustness),
    ]
    return tuple(part for part in found if part is not None)


def cost_columns(rows: Sequence[Row]) -> tuple[TableColumn, ...]:
    """Parameters, multiply-accumulates and speed, and what compiling took where anything was compiled."""
    return _parameters(rows), _macs(rows), _speed(rows), *compile_columns([row.records for row in rows])


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
            raw=(finite(row.images_per_s), ratio.median, ratio.lower_quartile, ratio.upper_quartile),
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


def _shown_best(board: Leaderboard) -> set[str]:
    """The variants that cannot be told from the first, are shown to beat another, and are not shown to be beaten."""
    shown = [found for found in board.differences if found.is_shown]
    winners = {found.variant if found.mean > 0 else found.other for found in shown}
    losers = {found.other if found.mean > 0 else found.variant for found in shown}
    tied = {row.variant for row in board.rows if share_letter(board.rows[0].rank, row.rank)}
    return (winners - losers) & tied
