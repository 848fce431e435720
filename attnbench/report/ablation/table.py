"""The table of an ablation, which every format shows: in the ablation's own order, with its reference marked."""

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.ablation.notes import notes
from attnbench.report.leaderboard.cells import difference_columns
from attnbench.report.leaderboard.notes import conditions, heading
from attnbench.report.leaderboard.table import LeaderboardTable, cost_columns, top1_column


def ablation_table(ablation: Ablation) -> LeaderboardTable:
    """The table of an ablation; nothing in it stands out, as nothing is ranked."""
    board = ablation.board
    to_reference = [ablation.to_reference.get(row.variant) for row in board.rows]
    to_baseline = [row.top1_difference for row in board.rows]
    marked = {row.variant: _marked(ablation, row.variant) for row in board.rows}
    return LeaderboardTable(
        title=title(ablation),
        conditions=tuple(conditions(board.facts)),
        names=tuple(marked.values()),
        baseline=marked[board.baseline.variant] if board.baseline else None,
        columns=(
            top1_column(board.rows),
            *difference_columns(to_reference, header="Δ reference", prefix="reference_"),
            *difference_columns(to_baseline, header="Δ baseline"),
            *cost_columns(board.rows),
        ),
        notes=tuple(notes(ablation)),
        emphasis="",
    )


def title(ablation: Ablation) -> str:
    """What is changed of what, and where."""
    return f"Ablation of {ablation.design.kind}: {ablation.design.reference} in {heading(ablation.board)}"


def _marked(ablation: Ablation, name: str) -> str:
    return f"{name} (reference)" if ablation.is_reference(name) else name
