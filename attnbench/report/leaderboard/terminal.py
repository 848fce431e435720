"""A leaderboard as text for a terminal or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.notes import conclusions, conditions, heading
from attnbench.report.numbers import half_width, macs_unit, signed_count, signed_number, signed_points
from attnbench.report.text import WIDE, shown

_NARROW = 72
"""Columns below which numbers are folded too, rather than cut off."""
_FOLD_NAME = 20
"""Characters from which a narrow table gives each setting of a variant its own line."""


def render(board: Leaderboard, *, store: str | None = None, problems: Sequence[str] = ()) -> RenderableType:
    """A leaderboard for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        board: The leaderboard.
        store: Folder of the records, to say how to see the table again.
        problems: A sentence for each record that could not be read.

    Returns:
        Conditions, table and conclusions. Text from records is never read as markup.
    """
    return _Rendering(board, store, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    board: Leaderboard
    store: str | None
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only = options.ascii_only
        yield shown(heading(self.board), ascii_only, style="bold")
        for line in conditions(self.board.facts):
            yield shown(line, ascii_only)
        yield Text()
        yield _table(self.board, width=options.max_width, ascii_only=ascii_only)
        yield Text()
        for paragraph in conclusions(self.board):
            yield shown(paragraph, ascii_only)
        if self.problems:
            yield Text()
            yield shown("Records that could not be read and are left out:", ascii_only, style="bold")
            for problem in self.problems:
                yield shown(f"  {problem}", ascii_only)
        if self.store is not None:
            yield Text()
            yield shown(f"This table again: attnbench report {self.store}", ascii_only)


def _table(board: Leaderboard, *, width: int, ascii_only: bool) -> Table:
    wide = width >= WIDE
    unit, size = macs_unit(max(row.macs for row in board.rows))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    if wide:
        headers = ["params", "Δ params", unit, "Δ MACs", "images/s × baseline", "top-1 %", "Δ top-1"]
    else:
        headers = ["params\nΔ", f"{unit}\nΔ", "images/s\n× baseline", "top-1 %\n± 95 %", "Δ top-1\n± 95 %"]
    table.add_column("variant", overflow="fold")
    for header in headers:
        # A narrow terminal folds the variant first: a folded number is hard to read.
        table.add_column(shown(header, ascii_only), justify="right", no_wrap=width >= _NARROW, overflow="fold")
    for row in board.rows:
        pairs = _pairs(row, size)
        if wide:
            (parameters, macs, speed, top1, difference) = pairs
            cells = [*parameters, *macs, *(" ".join(filter(None, pair)) for pair in (speed, top1, difference))]
        else:
            cells = ["\n".join(pair) for pair in pairs]
        cells = [_name(row, wide=wide), *cells]
        table.add_row(*(shown(cell, ascii_only) for cell in cells), style="bold" if row.is_baseline else "")
    return table


def _name(row: Row, *, wide: bool) -> str:
    name = row.variant
    if not wide and len(name) > _FOLD_NAME:
        name = name.replace(",", ",\n")
    return f"{name} (baseline)" if row.is_baseline else name


def _pairs(row: Row, macs_size: float) -> list[tuple[str, str]]:
    """Each number with its difference or its uncertainty."""
    ratio = row.throughput_ratio
    difference = row.top1_difference
    parameters_difference = macs_difference = ""
    if not row.is_baseline and row.parameters_difference is not None and row.macs_difference is not None:
        parameters_difference = signed_count(row.parameters_difference)
        macs_difference = signed_number(row.macs_difference / macs_size)
    return [
        (f"{row.parameters:,}", parameters_difference),
        (f"{row.macs / macs_size:,.2f}", macs_difference),
        (f"{ratio.median:.2f}", f"({ratio.lower_quartile:.2f}–{ratio.upper_quartile:.2f})"),
        (f"{row.top1_percent.mean:.2f}", half_width(row.top1_percent)),
        (signed_points(difference.mean), half_width(difference)) if difference else ("", ""),
    ]
