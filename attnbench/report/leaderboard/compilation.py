"""What was compiled and how long that took, where runs were compiled: a column and the words to it."""

from collections.abc import Sequence
from statistics import median

from attnbench.detection_record import DetectionRecord
from attnbench.record import Record
from attnbench.report.leaderboard.cells import Cell, TableColumn
from attnbench.spec import Compute

_COMPILED = {"attention": "The attention modules are compiled, each by itself.", "model": "The models are compiled."}


def compile_columns(rows: Sequence[Sequence[Record] | Sequence[DetectionRecord]]) -> tuple[TableColumn, ...]:
    """Seconds of compiling, over seeds; no column where nothing was to be compiled.

    Args:
        rows: The runs of each variant.
    """
    seconds = [[run.timing.compile_s for run in runs if run.timing.compile_s is not None] for runs in rows]
    if not any(seconds):
        return ()

    def cell(of_runs: Sequence[float]) -> Cell:
        if not of_runs:
            return Cell(raw=(None, None))
        middle, most = median(of_runs), max(of_runs)
        return Cell(text=_seconds(middle), beside=f"({_seconds(most)})", raw=(middle, most))

    keys = ("compile_s", "most_compile_s")
    return (TableColumn(header="compile s", beside="(most)", keys=keys, cells=tuple(map(cell, seconds))),)


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f}" if seconds < 100 else f"{seconds:,.0f}"


def compiled_lines(compute: Compute) -> list[str]:
    """What was compiled, as a condition of a table; nothing where nothing was."""
    return [] if compute.compile == "none" else [_COMPILED[compute.compile]]


def compile_note(compute: Compute) -> str:
    """What the column says; empty where there is none."""
    if compute.compile == "none":
        return ""
    return (
        "compile s is how long torch compiled for training, validation and tests: median over seeds, the most in "
        "brackets. It is not part of images/s; later runs find most of it in torch's cache on disk."
    )
