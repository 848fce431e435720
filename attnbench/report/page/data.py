"""All that the page shows of leaderboards: what the template writes, and what the scripts draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.plotted import BoardCost
from attnbench.report.leaderboard.table import LeaderboardTable, leaderboard_table
from attnbench.report.numbers import plural
from attnbench.report.page.axes import Axis
from attnbench.report.page.marks import PageMark, page_marks
from attnbench.report.page.plots import (
    CostPlot,
    CurvePoint,
    Delta,
    cost_plots,
    curve_axes,
    curve_points,
    curve_text,
    delta_axis,
    delta_of,
    top1_axis,
    top1_text,
)
from attnbench.report.page.runs import Run, environment_lines, environments_of, run_of, spec_words
from attnbench.report.page.tables import (
    Numbers,
    PageColumn,
    Pair,
    cost_numbers,
    curve_numbers,
    page_columns,
    pairs_of,
    run_numbers,
    seed_numbers,
)
from attnbench.spec_io import to_yaml


@dataclass(frozen=True, kw_only=True)
class VariantData:
    """One variant in the plots."""

    name: str
    """The variant."""
    mark: PageMark
    """How it is drawn."""
    is_baseline: bool
    """Whether the others are compared with it."""
    top1: float
    """Mean test top-1 over seeds, %."""
    half_width: float | None
    """Half of its interval; none for one seed."""
    top1_text: str
    """These in words."""
    curve_text: str
    """What the numbers of its learning curve are."""
    spec_text: str
    """What its runs have in common, in words."""
    runs_text: str
    """How many runs it has."""
    curve: tuple[CurvePoint, ...]
    """Its learning curve."""
    delta: Delta | None
    """Its difference to the baseline."""
    runs: tuple[Run, ...]
    """Its runs, sorted by seed."""


@dataclass(frozen=True, kw_only=True)
class BoardData:
    """A leaderboard in the plots."""

    title: str
    """Backbone and data."""
    variants: tuple[VariantData, ...]
    """In the order of the table's rows."""
    top1: Axis
    """Of test accuracies."""
    costs: Mapping[BoardCost, CostPlot]
    """Accuracy against each cost."""
    epochs: Axis
    """Of learning curves."""
    validation: Axis
    """Of learning curves."""
    deltas: Axis | None
    """Of differences to the baseline, if there are any."""
    environments: tuple[tuple[tuple[str, str], ...], ...]
    """Where the runs come from, as names and values."""


@dataclass(frozen=True, kw_only=True)
class BoardView:
    """A leaderboard as the template writes it."""

    anchor: str
    """Its place in the page."""
    table: LeaderboardTable
    """The table that every format shows."""
    columns: tuple[PageColumn, ...]
    """Its columns, with what they are sorted by."""
    shown: tuple[bool, ...]
    """Of each row, whether it is the baseline or shown to differ from it."""
    pairs: tuple[tuple[Pair | None, ...], ...]
    """Every two variants."""
    costs: Numbers
    """Numbers of the plot of accuracy against cost."""
    runs: Numbers
    """Every run."""
    curves: Numbers
    """Numbers of the learning curves."""
    seeds: Numbers
    """Numbers of the seeds."""
    spec: str
    """What the runs have in common, as YAML."""
    data: BoardData
    """What the scripts draw."""


def board_views(boards: Sequence[Leaderboard], *, store: str) -> list[BoardView]:
    """Everything that the page shows of each leaderboard.

    Args:
        boards: The leaderboards, in the page's order.
        store: Folder of the records, as the commands name it.
    """
    return [_view(board, f"board-{number}", store=store.rstrip("/")) for number, board in enumerate(boards, 1)]


def _view(board: Leaderboard, anchor: str, *, store: str) -> BoardView:
    table = leaderboard_table(board)
    data = _data(board, table, store=store)
    return BoardView(
        anchor=anchor,
        table=table,
        columns=page_columns(table),
        shown=tuple(variant.is_baseline or bool(variant.delta and variant.delta.is_shown) for variant in data.variants),
        pairs=pairs_of(board),
        costs=cost_numbers(board, data.costs),
        runs=run_numbers({variant.name: variant.runs for variant in data.variants}),
        curves=curve_numbers(table.names, [variant.curve for variant in data.variants]),
        seeds=seed_numbers(table.names, [variant.delta for variant in data.variants]),
        spec=to_yaml(board.facts.spec),
        data=data,
    )


def _data(board: Leaderboard, table: LeaderboardTable, *, store: str) -> BoardData:
    environments = environments_of([record for row in board.rows for record in row.records])
    marks = page_marks(board)

    def variant(row: Row) -> VariantData:
        return VariantData(
            name=row.variant,
            mark=marks[row.variant],
            is_baseline=row.is_baseline,
            top1=row.top1_percent.mean,
            half_width=row.top1_percent.half_width,
            top1_text=top1_text(row),
            curve_text=curve_text(row),
            spec_text=spec_words(row.variant, row.records[0].spec),
            runs_text=plural(len(row.records), "run"),
            curve=curve_points(row),
            delta=delta_of(board, row),
            runs=tuple(run_of(record, store=store, environments=environments) for record in row.records),
        )

    variants = tuple(variant(row) for row in board.rows)
    epochs, validation = curve_axes(board, [found.curve for found in variants])
    deltas = [found.delta for found in variants if found.delta is not None]
    return BoardData(
        title=table.title,
        variants=variants,
        top1=top1_axis(board),
        costs=cost_plots(board),
        epochs=epochs,
        validation=validation,
        deltas=delta_axis(deltas) if deltas else None,
        environments=tuple(environment_lines(environment) for environment in environments),
    )
