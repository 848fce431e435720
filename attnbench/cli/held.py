"""What a store holds, as `attnbench report` shows it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attnbench.detection_record import DetectionRecord, DetectionStore
from attnbench.diverged_record import AnyDivergedRun, DivergedStore, Task
from attnbench.efficiency_record import EfficiencyRecord, EfficiencyStore
from attnbench.errors import StoreError
from attnbench.record import Record, Store
from attnbench.report.detection.diverged import without_board
from attnbench.report.detection.grouping import comparable as comparable_detectors
from attnbench.report.leaderboard.diverged import without_leaderboard
from attnbench.report.leaderboard.grouping import comparable


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a store holds of each kind, and a sentence for each record that could not be read."""

    records: list[Record]
    """Of classifiers."""
    problems: list[str]
    """What could not be read of these."""
    detected: list[DetectionRecord]
    """Of detectors."""
    detected_problems: list[str]
    """What could not be read of these."""
    rows: list[EfficiencyRecord]
    """Of efficiency."""
    row_problems: list[str]
    """What could not be read of these."""
    diverged: list[AnyDivergedRun]
    """Of classifiers and detectors that diverged."""
    without_table: list[str]
    """A paragraph for each suite whose runs have all diverged."""


def read_held(store: Path, task: Task | None) -> Held:
    """What a store holds of a task, or of all of them.

    Raises:
        StoreError: If there is no such folder, or nothing in it can be read.
    """
    records, problems = ([], []) if task == "detection" else Store(store).read()
    detected, detected_problems = ([], []) if task == "classification" else DetectionStore(store).read()
    rows, row_problems = ([], []) if task else EfficiencyStore(store).read()
    runs, run_problems = DivergedStore(store).read()
    diverged = [run for run in runs if task in (None, run.task)]
    # Of one that cannot be read nobody knows what it is of.
    (detected_problems if task == "detection" else problems).extend(run_problems)
    if not (records or detected or rows or diverged):
        for problem in problems + detected_problems + row_problems:
            print(problem, file=sys.stderr)
        raise StoreError(f"{store} holds no record{f' of {task}' if task else ''} that can be read")
    return Held(
        records=records,
        problems=problems,
        detected=detected,
        detected_problems=detected_problems,
        rows=rows,
        row_problems=row_problems,
        diverged=diverged,
        without_table=[
            *without_leaderboard(comparable(records), diverged),
            *without_board(comparable_detectors(detected), diverged),
        ],
    )


def say_left_out(problems: Sequence[str]) -> None:
    """Name what a report cannot show, on standard error."""
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
