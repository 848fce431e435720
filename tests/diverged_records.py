"""Synthetic records of runs that diverged."""

from typing import Any

from attnbench.detection_record import DetectionRecord
from attnbench.diverged_record import DivergedRun, diverged_run
from attnbench.errors import DivergedError
from attnbench.record import Record


def diverged_in_place_of(record: Record | DetectionRecord, *, step: int = 57, epoch: int = 2) -> DivergedRun[Any, Any]:
    """The run of a synthetic record, if it had diverged at that step."""
    error = DivergedError(
        "the training loss is nan", loss="training loss", value="nan", step=step, epoch=epoch,
        curve=record.curve[: epoch - 1],
    )  # fmt: skip
    started_at = record.timing.started_at
    return diverged_run(record.spec, error, environment=record.environment, started_at=started_at, wall_s=12.5)
