"""Leaderboards as CSV and JSON, for programs: values as measured, nothing rounded."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.table import LeaderboardTable, Raw, leaderboard_table


def csv_text(boards: Sequence[Leaderboard]) -> str:
    """One line a variant, of all leaderboards, with a header; a value that is not there is empty."""
    lines = [line for number, board in enumerate(boards, 1) for line in _rows(board, leaderboard_table(board), number)]
    written = io.StringIO()
    # Published columns are there for some leaderboards only.
    names = dict.fromkeys(name for line in lines for name in line)
    writer = csv.DictWriter(written, fieldnames=list(names), lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(lines)
    return written.getvalue()


def json_text(boards: Sequence[Leaderboard], *, problems: Sequence[str] = ()) -> str:
    """All leaderboards with what they have in common, every two variants compared, and the notes.

    Args:
        boards: The leaderboards.
        problems: A sentence for each record that could not be read.
    """
    content = {
        "leaderboards": [_board(board, number) for number, board in enumerate(boards, 1)],
        "problems": list(problems),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _rows(board: Leaderboard, table: LeaderboardTable, number: int) -> list[dict[str, Raw]]:
    """The variants of a leaderboard, best first: what the table shows, under the names of its values."""
    spec = board.facts.spec
    common: dict[str, Raw] = {
        "leaderboard": number,
        "data": spec.data,
        "backbone": spec.backbone,
        "epochs": spec.recipe.epochs,
        "baseline": spec.baseline,
    }
    return [
        common
        | {"variant": name}
        | {
            key: value
            for column in table.columns
            for key, value in zip(column.keys, column.cells[place].raw, strict=True)
        }
        for place, name in enumerate(table.names)
    ]


def _board(board: Leaderboard, number: int) -> dict[str, Any]:
    table = leaderboard_table(board)
    return {
        "facts": asdict(board.facts),
        "rows": [
            line | {"digests": [record.digest for record in row.records]}
            for line, row in zip(_rows(board, table, number), board.rows, strict=True)
        ],
        "differences": [_difference(difference) for difference in board.differences],
        "notes": list(table.notes),
    }


def _difference(difference: Difference) -> dict[str, Any]:
    # An infinite value, which JSON has not, is null.
    derived = {"smallest_detectable": difference.smallest_detectable, "is_shown": difference.is_shown}
    return asdict(difference) | derived
