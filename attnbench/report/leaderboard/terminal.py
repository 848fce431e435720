"""A leaderboard as text for a terminal or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from attnbench.report.columns import Column, fits, tables, variant_column
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.cells import TableColumn, TablePart
from attnbench.report.leaderboard.table import LeaderboardTable, leaderboard_table
from attnbench.report.text import WIDE, shown


def render(board: Leaderboard, *, store: str | None = None, problems: Sequence[str] = ()) -> RenderableType:
    """A leaderboard for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        board: The leaderboard.
        store: Folder of the records, to say how to see the table again.
        problems: A sentence for each record that could not be read.

    Returns:
        Conditions, table and conclusions. Text from records is never read as markup.
    """
    again = "" if store is None else f"This table again: attnbench report {store}"
    return render_table(leaderboard_table(board), again=again, problems=problems)


def render_table(table: LeaderboardTable, *, again: str = "", problems: Sequence[str] = ()) -> RenderableType:
    """The same of a table that is there already.

    Args:
        table: The table.
        again: How to see it again, the last line; empty for none.
        problems: A sentence for each record that could not be read.
    """
    return _Rendering(table, again, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    table: LeaderboardTable
    again: str
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only = options.ascii_only
        table, width = self.table, options.max_width
        yield shown(table.title, ascii_only, style="bold")
        for line in table.conditions:
            yield shown(line, ascii_only)
        yield Text()
        bold = [name == table.baseline for name in table.names]
        names, columns = _columns(table, width=width, ascii_only=ascii_only)
        yield from tables(names, [[column] for column in columns], bold=bold, width=width, ascii_only=ascii_only)
        yield Text()
        for paragraph in table.notes:
            yield shown(paragraph, ascii_only)
        for part in table.parts:
            yield from part_lines(part, baseline=table.baseline, width=width, ascii_only=ascii_only)
        yield from problem_lines(self.problems, ascii_only)
        if self.again:
            yield Text()
            yield shown(self.again, ascii_only)


def part_lines(part: TablePart, *, baseline: str | None, width: int, ascii_only: bool) -> Iterator[RenderableType]:
    """What else was measured: a table with its name above and its sentences below.

    Args:
        part: The table.
        baseline: Which variant the others are compared with.
        width: Characters of a line.
        ascii_only: Whether the console has no other characters.
    """
    yield Text()
    yield shown(part.name, ascii_only, style="bold")
    for is_wide in (True, False):
        gap = " " if is_wide else "\n"
        names = variant_column(part.rows, baseline=baseline, wide=is_wide)
        groups = [[_column(column, gap) for column in group] for group in part.groups]
        if fits(names, [column for group in groups for column in group], width=width, ascii_only=ascii_only):
            break
    bold = [name == baseline for name in part.rows]
    for number, drawn in enumerate(tables(names, groups, bold=bold, width=width, ascii_only=ascii_only)):
        if number:
            yield Text()
        yield drawn
    yield Text()
    for paragraph in part.notes:
        yield shown(paragraph, ascii_only)


def problem_lines(problems: Sequence[str], ascii_only: bool) -> Iterator[Text]:
    """Which records could not be read, if any."""
    if problems:
        yield Text()
        yield shown("Records that could not be read and are left out:", ascii_only, style="bold")
    yield from (shown(f"  {problem}", ascii_only) for problem in problems)


def _columns(table: LeaderboardTable, *, width: int, ascii_only: bool) -> tuple[Column, list[Column]]:
    """Names and columns for a width: numbers and what belongs to them side by side, else below each other, else fewer.

    Returns:
        The column of the variants' names, and the others.
    """
    for wide in (True, False) if width >= WIDE else (False,):
        names = variant_column(table.names, baseline=table.baseline, wide=wide)
        columns = [_column(column, " " if wide else "\n") for column in table.columns]
        if fits(names, columns, width=width, ascii_only=ascii_only):
            return names, columns
    fewer = [column for column, of in zip(columns, table.columns, strict=True) if not of.is_minor]
    # Where fewer do not fit either, all of them are set in several tables.
    return names, fewer if fits(names, fewer, width=width, ascii_only=ascii_only) else columns


def _column(column: TableColumn, gap: str) -> Column:
    return Column(
        header=gap.join(filter(None, (column.header, column.beside))),
        cells=tuple(gap.join(filter(None, (cell.text, cell.beside))) for cell in column.cells),
    )
