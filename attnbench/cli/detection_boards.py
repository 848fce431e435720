"""Detection tables as commands print and write them."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from attnbench.detection_record import DetectionRecord
from attnbench.diverged_record import AnyDivergedRun
from attnbench.report import detection_boards, render_detection


def print_detection_boards(
    records: Sequence[DetectionRecord],
    *,
    store: Path,
    problems: Sequence[str] = (),
    diverged: Sequence[AnyDivergedRun] = (),
) -> None:
    """Print the tables of each group of comparable records.

    Args:
        records: Records in any order.
        store: Where they are, to say how to see the tables again.
        problems: A sentence for each record that could not be read.
        diverged: Runs that diverged, which the tables name.
    """
    console = Console()
    boards = detection_boards(records, diverged)
    for board in boards:
        last = board is boards[-1]
        console.print(render_detection(board, store=str(store), problems=problems if last else ()))
        if not last:
            console.print()


def detection_text(
    records: Sequence[DetectionRecord],
    format_: str,
    *,
    problems: Sequence[str] = (),
    diverged: Sequence[AnyDivergedRun] = (),
    without_table: Sequence[str] = (),
) -> str:
    """The same tables for a page, a paper or a program.

    Args:
        records: Records in any order.
        format_: ``markdown``, ``latex``, ``csv`` or ``json``.
        problems: A sentence for each record that could not be read; JSON alone holds them.
        diverged: Runs that diverged, which the tables name.
        without_table: A paragraph for each suite whose runs have all diverged; JSON alone holds them.
    """
    from attnbench.report.detection.flat import csv_text, json_text
    from attnbench.report.detection.latex import latex
    from attnbench.report.detection.markdown import markdown
    from attnbench.report.detection.table import detection_table

    boards = detection_boards(records, diverged)
    match format_:
        case "markdown":
            return "\n".join(markdown(detection_table(board)) for board in boards)
        case "latex":
            tables = enumerate(map(detection_table, boards), 1)
            return "\n".join(latex(table, label=f"tab:detection-{number}") for number, table in tables)
        case "csv":
            return csv_text(boards)
    return json_text(boards, problems=problems, without_table=without_table)
