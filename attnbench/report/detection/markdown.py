"""A detection board as Markdown, in the dialect of GitHub."""

from collections.abc import Sequence

from attnbench.report.detection.table import BlockTable, DetectionTable
from attnbench.report.leaderboard.markdown import escaped


def markdown(table: DetectionTable) -> str:
    """Heading, conditions, a section with a table for each detector, and notes.

    Names are shown as they are: nothing in them is read as markup.
    """
    sections = [part for block in table.blocks for part in (f"### {escaped(block.detector)}", _table(block))]
    lines = [f"## {escaped(table.title)}", *map(escaped, table.conditions), *sections]
    return "\n\n".join([*lines, *(escaped(note.strip()) for note in table.notes)]) + "\n"


def _table(block: BlockTable) -> str:
    body = [
        [_name(name, block.baseline), *(_stacked(group.cell(row)) for group in block.groups)]
        for row, name in enumerate(block.names)
    ]
    headers = ["variant", *(_stacked(group.header) for group in block.groups)]
    return "\n".join(map(_line, [headers, [":--", *("--:" for _ in block.groups)], *body]))


def _name(name: str, baseline: str | None) -> str:
    return f"{escaped(name)} (baseline)" if name == baseline else escaped(name)


def _stacked(lines: Sequence[str]) -> str:
    return "<br>".join(map(escaped, lines))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
