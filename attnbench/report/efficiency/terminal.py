"""An efficiency table as text for a terminal or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from attnbench.report.columns import Column, fits, tables
from attnbench.report.efficiency.counted import buffers_line, counted_columns
from attnbench.report.efficiency.meaning import efficiency_meaning
from attnbench.report.efficiency.notes import efficiency_conditions, efficiency_heading, efficiency_remarks
from attnbench.report.efficiency.table import EfficiencyRow, EfficiencyTable
from attnbench.report.efficiency.timed import timed_groups
from attnbench.report.text import shown

_FOLD_NAME = 16
"""Characters from which each setting of a variant has its own line."""


def render_efficiency(
    table: EfficiencyTable, *, store: str | None = None, problems: Sequence[str] = ()
) -> RenderableType:
    """An efficiency table for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        table: The table.
        store: Folder of the records, to say how to see the table again.
        problems: A sentence for each record that could not be read.

    Returns:
        Conditions, tables and remarks. Text from records is never read as markup.
    """
    return _Rendering(table, store, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    table: EfficiencyTable
    store: str | None
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only = options.ascii_only
        yield shown(efficiency_heading(self.table), ascii_only, "bold")
        for line in efficiency_conditions(self.table):
            yield shown(line, ascii_only)
        for drawn in _tables(self.table, width=options.max_width, ascii_only=ascii_only):
            yield Text()
            yield drawn
        for paragraphs in (efficiency_remarks(self.table), efficiency_meaning(self.table)):
            for index, paragraph in enumerate(paragraphs):
                yield shown(paragraph if index else f"\n{paragraph}", ascii_only)
        if self.problems:
            yield Text()
            yield shown("Records that could not be read and are left out:", ascii_only, "bold")
            for problem in self.problems:
                yield shown(f"  {problem}", ascii_only)
        if self.store is not None:
            yield Text()
            yield shown(f"These tables again: attnbench efficiency --show --store {self.store}", ascii_only)


def _tables(table: EfficiencyTable, *, width: int, ascii_only: bool) -> Iterator[RenderableType]:
    names = Column("variant", tuple(map(_name, table.rows)))
    bold = [row.is_baseline for row in table.rows]
    # As much as one table has room for; only the least of it may take several.
    for has_more in (True, False):
        columns = counted_columns(table, with_percent=has_more, with_buffers=has_more)
        has_room = fits(names, columns, width=width, ascii_only=ascii_only)
        if has_room:
            break
    counted = [columns] if has_room else [[column] for column in columns]
    yield from tables(names, counted, bold=bold, width=width, ascii_only=ascii_only)
    if columns and not has_more:
        yield shown(buffers_line(table), ascii_only)
    yield from tables(names, timed_groups(table), bold=bold, width=width, ascii_only=ascii_only)


def _name(row: EfficiencyRow) -> str:
    name = row.variant
    for mark in ",:":
        if max(map(len, name.split("\n"))) > _FOLD_NAME:
            name = name.replace(mark, f"{mark}\n")
    return f"{name}\n(baseline)" if row.is_baseline else name
