"""All that the page shows of leaderboards: what the template writes, and what the scripts draw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.marks import board_marks
from attnbench.report.leaderboard.table import LeaderboardTable, leaderboard_table
from attnbench.report.numbers import plural
from attnbench.report.page.drawn import BoardData, VariantData
from attnbench.report.page.further import PagePart, localisation_plot, page_part, robustness_plots, run_tables
from attnbench.report.page.marks import page_marks
from attnbench.report.page.plots import (
    cost_plots,
    curve_plots,
    delta_axis,
    delta_of,
    ends_of,
    top1_axis,
    top1_text,
)
from attnbench.report.page.runs import RUN_HEADERS, environment_lines, environments_of, run_of, spec_words
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
class BoardView:
    """A leaderboard as the template writes it."""

    anchor: str
    """Its place in the page."""
    template: str
    """What writes it."""
    table: LeaderboardTable
    """The table that every format shows."""
    columns: tuple[PageColumn, ...]
    """Its columns, with what they are sorted by."""
    shown: tuple[bool, ...]
    """Of each row, whether it is the baseline or shown to differ from it."""
    parts: tuple[PagePart, ...]
    """What else was measured, a table each."""
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
    robustness: tuple[tuple[str, Numbers], ...]
    """Numbers of each corruption, with their titles."""
    spec: str
    """What the runs have in common, as YAML."""
    data: tuple[BoardData]
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
        template="leaderboard.html.j2",
        table=table,
        columns=page_columns(table.columns, num_rows=len(table.names)),
        shown=tuple(variant.is_baseline or bool(variant.delta and variant.delta.is_shown) for variant in data.variants),
        parts=tuple(map(page_part, table.parts)),
        pairs=pairs_of(board),
        costs=cost_numbers(board, data.costs),
        runs=run_numbers(RUN_HEADERS, {variant.name: variant.runs for variant in data.variants}),
        curves=curve_numbers(table.names, data.curves["validation"].lines),
        seeds=seed_numbers(table.names, [variant.delta for variant in data.variants]),
        robustness=tuple(
            (
                f"Top-1 by strength of {plot.name} (%): mean ± half a 95 % interval",
                curve_numbers(table.names, plot.lines, place="strength"),
            )
            for plot in data.robustness.values()
        ),
        spec=to_yaml(board.facts.spec),
        data=(data,),
    )


def _data(board: Leaderboard, table: LeaderboardTable, *, store: str) -> BoardData:
    environments = environments_of([record for row in board.rows for record in row.records])
    marks = page_marks(board_marks(board))

    def variant(row: Row) -> VariantData:
        return VariantData(
            name=row.variant,
            mark=marks[row.variant],
            is_baseline=row.is_baseline,
            score=row.top1_percent.mean,
            interval=ends_of(row.top1_percent),
            score_text=top1_text(row),
            spec_text=spec_words(row.variant, row.records[0].spec),
            runs_text=plural(len(row.records), "run"),
            delta=delta_of(board, row),
            runs=tuple(
                replace(run_of(record, store=store, environments=environments), tables=run_tables(record))
                for record in row.records
            ),
        )

    variants = tuple(variant(row) for row in board.rows)
    deltas = [found.delta for found in variants if found.delta is not None]
    return BoardData(
        title=table.title,
        name="",
        score_name="top-1",
        variants=variants,
        scores=top1_axis(board),
        costs=cost_plots(board),
        curves=curve_plots(board),
        precision={},
        figures=localisation_plot(board),
        robustness=robustness_plots(board),
        deltas=delta_axis(deltas) if deltas else None,
        environments=tuple(environment_lines(environment) for environment in environments),
    )
