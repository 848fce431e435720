"""Writes down that a run has diverged, where it is executed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from attnbench.detection_spec import DetectionRun
from attnbench.diverged_record import DivergedStore, diverged_run
from attnbench.environment import capture_environment
from attnbench.errors import DivergedError
from attnbench.hardware import use_threads
from attnbench.spec import RunSpec


@contextmanager
def divergence_recorded(spec: RunSpec | DetectionRun, folder: Path) -> Iterator[None]:
    """Let a run be executed; if it diverges, write its record, give that to the error, and let the error go on.

    Args:
        spec: The run.
        folder: Where the record goes.

    Raises:
        StoreError: If it cannot be written.
    """
    started_at, started = datetime.now(timezone.utc).isoformat(timespec="seconds"), time.perf_counter()
    try:
        yield
    except DivergedError as error:
        wall_s = time.perf_counter() - started
        with use_threads(spec.compute.threads):
            environment = capture_environment(spec.compute)
        error.record = diverged_run(spec, error, environment=environment, started_at=started_at, wall_s=wall_s)
        DivergedStore(folder).add(error.record)
        raise
