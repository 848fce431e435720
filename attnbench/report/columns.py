"""Columns of a table as text, set in as many tables below each other as the width asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.table import Table

from attnbench.report.text import shown

_GAP = 2
"""Characters between two columns."""
_NARROWEST_NAME = 12
"""Characters to which names are folded before a column moves to a table of its own."""
_NARROWEST_PROSE = 24
"""The same of words."""
_FOLD_NAME = 20
"""Characters from which a narrow table gives each setting of a variant its own line."""


@dataclass(frozen=True)
class Column:
    """A header and a cell a row, each of one or more lines."""

    header: str
    """Its lines say what the lines of a cell are."""
    cells: tuple[str, ...]
    """In the order of the rows."""
    is_prose: bool = False
    """Whether the cells are words, which may be folded; numbers are only where nothing else helps."""


def variant_column(names: Sequence[str], *, baseline: str | None, wide: bool) -> Column:
    r"""The column of the variants' names, the baseline marked.

    Args:
        names: The variants.
        baseline: Which of them is the baseline, if one is.
        wide: Whether there is room for long names in one line.

    >>> variant_column(["none", "ge:extent=8,parametric=false"], baseline="none", wide=False).cells
    ('none (baseline)', 'ge:extent=8,\nparametric=false')
    """

    def cell(name: str) -> str:
        folded = name if wide or len(name) <= _FOLD_NAME else name.replace(",", ",\n")
        return f"{folded} (baseline)" if name == baseline else folded

    return Column(header="variant", cells=tuple(map(cell, names)))


def fits(names: Column, columns: Sequence[Column], *, width: int, ascii_only: bool) -> bool:
    """Whether columns have room beside the rows' names."""
    least = sum(_GAP + min(_width(column, ascii_only), _most_wanted(column)) for column in columns)
    return min(_width(names, ascii_only), _NARROWEST_NAME) + least <= width


def tables(
    names: Column, groups: Sequence[Sequence[Column]], *, bold: Sequence[bool], width: int, ascii_only: bool
) -> Iterator[Table]:
    """Tables of all columns, with as many groups in each as have room.

    Args:
        names: The rows' names, which stand first in every table.
        groups: Columns that stay beside each other.
        bold: Whether a row stands out.
        width: Characters of a line.
        ascii_only: Whether the console has no other characters.
    """
    columns: list[Column] = []
    for group in groups:
        if columns and not fits(names, [*columns, *group], width=width, ascii_only=ascii_only):
            yield _table(names, columns, bold, width, ascii_only)
            columns = []
        columns += group
    if columns:
        yield _table(names, columns, bold, width, ascii_only)


def _table(names: Column, columns: Sequence[Column], bold: Sequence[bool], width: int, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column(shown(names.header, ascii_only), overflow="fold")
    keeps_numbers = fits(names, columns, width=width, ascii_only=ascii_only)
    for column in columns:
        table.add_column(
            shown(column.header, ascii_only),
            justify="left" if column.is_prose else "right",
            no_wrap=keeps_numbers and not column.is_prose,
            overflow="fold",
        )
    for cells, is_bold in zip(zip(names.cells, *(column.cells for column in columns), strict=True), bold, strict=True):
        table.add_row(*(shown(cell, ascii_only) for cell in cells), style="bold" if is_bold else "")
    return table


def _most_wanted(column: Column) -> int:
    """Characters that a column needs at most before it is folded."""
    return _NARROWEST_PROSE if column.is_prose else 10**6


def _width(column: Column, ascii_only: bool) -> int:
    texts = (shown(text, ascii_only).plain for text in (column.header, *column.cells))
    return max(cell_len(line) for text in texts for line in text.split("\n"))
