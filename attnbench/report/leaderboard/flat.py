"""Leaderboards as CSV and JSON, for programs: values as measured, nothing rounded."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from attnbench.printable import printable
from attnbench.report.diverged import diverged_fields, num_diverged
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.cells import Raw, TableColumn
from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.table import leaderboard_table


def csv_text(boards: Sequence[Leaderboard]) -> str:
    """One line a variant, of all leaderboards, with a header; a value that is not there is empty."""
    return csv_of([line for number, board in enumerate(boards, 1) for line in _rows(board, number)])


def json_text(boards: Sequence[Leaderboard], *, problems: Sequence[str] = (), without_table: Sequence[str] = ()) -> str:
    """All leaderboards with what they have in common, every two variants compared, and the notes.

    Args:
        boards: The leaderboards.
        problems: A sentence for each record that could not be read.
        without_table: A paragraph for each suite whose runs have all diverged.
    """
    return json_of({
        "leaderboards": [_board(board, number) for number, board in enumerate(boards, 1)],
        "without_table": list(without_table),
        "problems": list(problems),
    })  # fmt: skip


def csv_of(lines: Sequence[Mapping[str, Raw]]) -> str:
    """Lines of named values, with a header.

    Names from records are text: control characters stand by their codes, and what a spreadsheet would take for a
    formula has an apostrophe in front.
    """
    written = io.StringIO()
    # Published columns are there for some leaderboards only.
    names = dict.fromkeys(name for line in lines for name in line)
    writer = csv.DictWriter(written, fieldnames=list(names), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows({name: _as_text(value) for name, value in line.items()} for line in lines)
    return written.getvalue()


def json_of(content: object) -> str:
    """Anything of builtins and dataclasses; an infinite number, which JSON has not, is null."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
    # JSON leaves marks of direction as they are, with which a terminal would turn a line round.
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def _as_text(value: Raw) -> Raw:
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.startswith(("=", "+", "-", "@")) else printable(value)


def values_of(columns: Sequence[TableColumn], place: int) -> dict[str, Raw]:
    """The values as measured of a table's row, by their names."""
    return {key: value for column in columns for key, value in zip(column.keys, column.cells[place].raw, strict=True)}


def difference_fields(difference: Difference) -> dict[str, Any]:
    """A comparison, with what follows from it."""
    derived = {"smallest_detectable": difference.smallest_detectable, "is_shown": difference.is_shown}
    return asdict(difference) | derived


def _rows(board: Leaderboard, number: int) -> list[dict[str, Raw]]:
    """The variants of a leaderboard, best first: what the table shows, under the names of its values."""
    spec, table = board.facts.spec, leaderboard_table(board)
    common: dict[str, Raw] = {
        "leaderboard": number,
        "data": spec.data,
        "backbone": spec.backbone,
        "epochs": spec.recipe.epochs,
        "baseline": spec.baseline,
    }
    further = [column for part in table.parts for column in (*part.columns, *part.raw)]
    columns = [*table.columns, *further]
    return [
        common | {"variant": name} | values_of(columns, place) | {"num_diverged": num_diverged(board.diverged, name)}
        for place, name in enumerate(table.names)
    ]


def _board(board: Leaderboard, number: int) -> dict[str, Any]:
    table = leaderboard_table(board)
    return {
        "facts": asdict(board.facts),
        "rows": [
            line | {"digests": [record.digest for record in row.records]}
            for line, row in zip(_rows(board, number), board.rows, strict=True)
        ],
        "differences": [difference_fields(difference) for difference in board.differences],
        "diverged": diverged_fields(board.diverged),
        "notes": [*table.notes, *(note for part in table.parts for note in part.notes)],
    } | _further(board)


def _further(board: Leaderboard) -> dict[str, Any]:
    """What else was measured, with the controls of localisation and the accuracy at each strength of a corruption."""
    found: dict[str, Any] = {}
    if board.localisation is not None:
        found["localisation"] = asdict(board.localisation)
    if board.robustness is not None:
        by_strength = top1_by_strength({row.variant: row.records for row in board.rows})
        found["robustness"] = asdict(board.robustness) | {"by_strength": by_strength}
    return found
