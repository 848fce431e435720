"""A leaderboard as Markdown, in the dialect of GitHub."""

import re
from collections.abc import Sequence

from attnbench.printable import printable
from attnbench.report.leaderboard.cells import Cell
from attnbench.report.leaderboard.table import LeaderboardTable

_SPECIAL = re.compile(r"([\\`*_\[\]|~#])")


def markdown(table: LeaderboardTable) -> str:
    """Heading, conditions, table and notes.

    What is shown to be the best is bold. Names are shown as they are: nothing in them is read as markup.
    """
    headers = [" ".join(filter(None, (column.header, column.beside))) for column in table.columns]
    body = [
        [_name(name, table.baseline), *(_cell(column.cells[row]) for column in table.columns)]
        for row, name in enumerate(table.names)
    ]
    lines = [
        f"## {escaped(table.title)}",
        *map(escaped, table.conditions),
        "\n".join(
            [
                _line(["variant", *map(escaped, headers)]),
                _line([":--", *("--:" for _ in headers)]),
                *map(_line, body),
            ]
        ),
        *map(escaped, filter(None, [*table.notes, table.emphasis])),
    ]
    return "\n\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = _SPECIAL.sub(r"\\\1", printable(text).replace("\n", " "))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _name(name: str, baseline: str | None) -> str:
    return f"{escaped(name)} (baseline)" if name == baseline else escaped(name)


def _cell(cell: Cell) -> str:
    text = f"**{escaped(cell.text)}**" if cell.stands_out else escaped(cell.text)
    return " ".join(filter(None, (text, escaped(cell.beside))))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
