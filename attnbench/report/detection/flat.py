"""Detection boards as CSV and JSON, for programs: values as measured, nothing rounded."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from attnbench.report.detection.board import DetectionBoard
from attnbench.report.detection.table import DetectionTable, detection_table
from attnbench.report.diverged import diverged_fields, num_diverged
from attnbench.report.leaderboard.cells import Raw
from attnbench.report.leaderboard.flat import csv_of, json_of, values_of


def csv_text(boards: Sequence[DetectionBoard]) -> str:
    """One line a variant of a detector, of all boards, with a header; a value that is not there is empty."""
    tables = enumerate(boards, 1)
    return csv_of([line for number, board in tables for line in _rows(board, detection_table(board), number)])


def json_text(
    boards: Sequence[DetectionBoard], *, problems: Sequence[str] = (), without_table: Sequence[str] = ()
) -> str:
    """All boards with what their rows have in common, and the notes.

    Args:
        boards: The boards.
        problems: A sentence for each record that could not be read.
        without_table: A paragraph for each suite whose runs have all diverged.
    """
    return json_of({
        "detection": [_board(board, number) for number, board in enumerate(boards, 1)],
        "without_table": list(without_table),
        "problems": list(problems),
    })  # fmt: skip


def _rows(board: DetectionBoard, table: DetectionTable, number: int) -> list[dict[str, Raw]]:
    spec = board.facts.spec
    common: dict[str, Raw] = {
        "board": number,
        "data": spec.data,
        "backbone": spec.backbone,
        "epochs": spec.recipe.epochs,
        "baseline": spec.baseline,
    }
    return [
        common
        | {"detector": block.detector, "variant": name}
        | values_of([*(column for group in block.groups for column in group.columns), *block.raw], place)
        | {"num_diverged": num_diverged(board.diverged, name, block.detector)}
        for block in table.blocks
        for place, name in enumerate(block.names)
    ]


def _board(board: DetectionBoard, number: int) -> dict[str, Any]:
    table = detection_table(board)
    rows = [row for block in board.blocks for row in block.rows]
    return {
        "facts": asdict(board.facts),
        "rows": [
            line | {"digests": [record.digest for record in row.records]}
            for line, row in zip(_rows(board, table, number), rows, strict=True)
        ],
        "diverged": diverged_fields(board.diverged),
        "notes": [note.strip() for note in table.notes],
    }
