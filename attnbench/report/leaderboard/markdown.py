"""A leaderboard as Markdown, in the dialect of GitHub."""

import re
from collections.abc import Sequence

from attnbench.printable import printable
from attnbench.report.leaderboard.cells import Cell, TableColumn
from attnbench.report.leaderboard.table import LeaderboardTable

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def markdown(table: LeaderboardTable) -> str:
    """Heading, conditions, table and notes.

    What is shown to be the best is bold. Names are shown as they are: nothing in them is read as markup.
    """
    lines = [
        f"## {escaped(table.title)}",
        *map(escaped, table.conditions),
        _table(table.names, table.columns, table.baseline),
        *map(escaped, filter(None, [*table.notes, table.emphasis])),
    ]
    for part in table.parts:
        drawn = _table(part.rows, part.columns, table.baseline)
        lines += [f"### {escaped(part.name)}", drawn, *map(escaped, part.notes)]
    return "\n\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = _SPECIAL.sub(r"\\\1", printable(text).replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _table(names: Sequence[str], columns: Sequence[TableColumn], baseline: str | None) -> str:
    headers = [" ".join(filter(None, (column.header, column.beside))) for column in columns]
    body = [
        [_name(name, baseline), *(_cell(column.cells[row]) for column in columns)] for row, name in enumerate(names)
    ]
    heads = [["variant", *map(escaped, headers)], [":--", *("--:" for _ in headers)]]
    return "\n".join(map(_line, [*heads, *body]))


def _name(name: str, baseline: str | None) -> str:
    return f"{escaped(name)} (baseline)" if name == baseline else escaped(name)


def _cell(cell: Cell) -> str:
    text = f"**{escaped(cell.text)}**" if cell.stands_out else escaped(cell.text)
    return " ".join(filter(None, (text, escaped(cell.beside))))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
