"""A comparison of two stores as text for a terminal or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from attnbench.report.efficiency.comparison import ComparedRow, Comparison, ComparisonTable
from attnbench.report.efficiency.comparison_notes import (
    comparison_conclusions,
    comparison_conditions,
    comparison_heading,
    comparison_remarks,
)
from attnbench.report.numbers import four_digits
from attnbench.report.text import shown
from attnbench.stats import UnpairedRatio

_ONE_LINE = 100
"""Columns from which a ratio and its interval stand on one line."""
_FOLD_NAME = 20
"""Characters from which a narrow table gives each setting of a variant its own line."""


def render_comparison(
    comparison: Comparison, *, names: tuple[str, str] = ("", ""), problems: Sequence[str] = ()
) -> RenderableType:
    """A comparison for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        comparison: The comparison.
        names: Folders of the two stores.
        problems: A sentence for each record that could not be read.

    Returns:
        Environments, tables and remarks. Text from records is never read as markup.
    """
    return _Rendering(comparison, names, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    comparison: Comparison
    names: tuple[str, str]
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only = options.ascii_only
        for store, name in zip("AB", self.names, strict=True):
            if name:
                yield shown(f"{store}: {name}", ascii_only)
        for table in self.comparison.tables:
            yield Text()
            yield shown(comparison_heading(table), ascii_only, "bold")
            for line in comparison_conditions(table):
                yield shown(line, ascii_only)
            if table.rows:
                yield Text()
                yield _table(table, wide=options.max_width >= _ONE_LINE, ascii_only=ascii_only)
            yield Text()
            for paragraph in comparison_remarks(table):
                yield shown(paragraph, ascii_only)
        yield Text()
        for paragraph in comparison_conclusions(self.comparison):
            yield shown(paragraph, ascii_only)
        if self.problems:
            yield Text()
            yield shown("Records that could not be read and are left out:", ascii_only, "bold")
            for problem in self.problems:
                yield shown(f"  {problem}", ascii_only)


def _table(table: ComparisonTable, *, wide: bool, ascii_only: bool) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    drawn.add_column("variant", overflow="fold")
    for header in ("A\nms", "B\nms", "B / A\n95 %", "(B/base) / (A/base)\n95 %"):
        # A narrow terminal folds the variant first: a folded number is hard to read.
        drawn.add_column(shown(header, ascii_only), justify="right", overflow="fold")
    for section, rows in groupby(table.rows, key=_section):
        drawn.add_row(shown(section, ascii_only, "italic"))
        for row in rows:
            cells = [_name(row, wide=wide), *map(four_digits, row.median_ms), _ratio(row.ratio, wide=wide)]
            cells.append("" if row.relative is None else _ratio(row.relative, wide=wide))
            drawn.add_row(*(shown(cell, ascii_only) for cell in cells), style="bold" if row.is_baseline else "")
    return drawn


def _section(row: ComparedRow) -> str:
    return f"{row.phase}, batch {row.batch_size}"


def _name(row: ComparedRow, *, wide: bool) -> str:
    name = row.variant
    if not wide and len(name) > _FOLD_NAME:
        name = name.replace(",", ",\n")
    return f"  {name} (baseline)" if row.is_baseline else f"  {name}".replace("\n", "\n  ")


def _ratio(ratio: UnpairedRatio, *, wide: bool) -> str:
    ends = f"{_three_digits(ratio.low)}–{_three_digits(ratio.high)}" if ratio.has_interval else "too few rounds"
    return _three_digits(ratio.ratio) + (" " if wide else "\n") + f"({ends})"


def _three_digits(ratio: float) -> str:
    """A ratio with three decimals, or four digits where that is more of one or of the other."""
    return f"{ratio:.3f}" if 0.1 <= ratio < 1 else four_digits(ratio)
