"""A study as text for a terminal or a pipe; the final comparison comes last."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from attnbench.report.columns import Column, fits, tables
from attnbench.report.leaderboard.cells import TableColumn
from attnbench.report.study.comparison import FinalComparison, FinalRow
from attnbench.report.study.notes import (
    comparison_lines,
    failures,
    search_notes,
    study_lines,
    study_title,
    unfinished_line,
)
from attnbench.report.study.tables import StudyTable, best_table, best_title, final_columns, role_of, space_table
from attnbench.report.text import shown
from attnbench.study import StudySummary

_FOLD_NAME = 20
"""Characters from which each setting of a contender gets its own line."""


def render_study(summary: StudySummary, comparison: FinalComparison | None, console: Console) -> None:
    """Print a study: what was searched, the best trials, and last what the winner is worth.

    Args:
        summary: The study.
        comparison: Its winner on fresh seeds; none if that was not done.
        console: Where to, in its width and its characters. Text from trials is never read as markup.
    """
    console.print(_Rendering(summary, comparison))


@dataclass(frozen=True)
class _Rendering:
    summary: StudySummary
    comparison: FinalComparison | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        summary, ascii_only = self.summary, options.ascii_only
        yield from _section(study_title(summary), study_lines(summary), ascii_only)
        yield from _table("What was searched", space_table(summary), options)
        if summary.best:
            yield from _table(best_title(summary), best_table(summary), options)
        yield from _section("", search_notes(summary), ascii_only)
        yield from _section("", failures(summary), ascii_only)
        yield from self._final(options)

    def _final(self, options: ConsoleOptions) -> Iterator[RenderableType]:
        comparison, ascii_only = self.comparison, options.ascii_only
        title = "The final comparison, on fresh seeds and the test split"
        if comparison is None:
            yield from _section(title, [unfinished_line(self.summary)], ascii_only)
            return
        yield shown(title, ascii_only, "bold")
        if comparison.rows:
            bold = [row.contender.role == "default" for row in comparison.rows]
            yield from _apart(_final_names(comparison), _final_groups(comparison, options), bold, options)
        for line in comparison_lines(comparison, self.summary):
            yield shown(line, ascii_only)


def _section(title: str, lines: list[str], ascii_only: bool) -> Iterator[RenderableType]:
    """Lines below a title, and room below them; nothing where there are none."""
    if lines:
        if title:
            yield shown(title, ascii_only, "bold")
        yield from (shown(line, ascii_only) for line in lines)
        yield Text()


def _table(title: str, table: StudyTable, options: ConsoleOptions) -> Iterator[RenderableType]:
    yield shown(title, options.ascii_only, "bold")
    yield from _apart(table.names, [[column] for column in table.columns], table.marked, options)


def _apart(
    names: Column, groups: Sequence[Sequence[Column]], bold: Sequence[bool], options: ConsoleOptions
) -> Iterator[RenderableType]:
    """As many tables as the width asks for, with room below each."""
    for table in tables(names, groups, bold=bold, width=options.max_width, ascii_only=options.ascii_only):
        yield table
        yield Text()


def _final_names(comparison: FinalComparison) -> Column:
    def cell(row: FinalRow) -> str:
        name = row.label.replace(" with ", "\nwith ")
        if len(name) > _FOLD_NAME:
            name = re.sub(r",(?=[^,=]+=)", ",\n", name)  # at each setting, and not within its list of numbers
        return f"{name}\n({role_of(row)})"

    return Column(header="contender", cells=tuple(map(cell, comparison.rows)))


def _final_groups(comparison: FinalComparison, options: ConsoleOptions) -> list[list[Column]]:
    """Columns with what belongs to a number beside it where all have room so, else below it."""
    groups = final_columns(comparison)
    beside = [[_column(column, " ") for column in group] for group in groups]
    together = [column for group in beside for column in group]
    if fits(_final_names(comparison), together, width=options.max_width, ascii_only=options.ascii_only):
        return beside
    return [[_column(column, "\n") for column in group] for group in groups]


def _column(of: TableColumn, gap: str) -> Column:
    return Column(
        header=gap.join(filter(None, (of.header, of.beside))),
        cells=tuple(gap.join(filter(None, (cell.text, cell.beside))) for cell in of.cells),
    )
