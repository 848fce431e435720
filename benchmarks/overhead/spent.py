"""What something took: by the clock, and of the processors."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from attnbench.errors import TrainingError
from attnbench.measure.disturbance import own_processor_seconds

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds. Where other programs share the processors, those by the clock grow and the others hardly."""

    wall_s: float
    """By the clock."""
    processor_s: float
    """Of all processors together, with those of child processes."""


def of_call(call: Callable[[], T]) -> tuple[Spent, T]:
    """What a call takes, and what it gives."""
    started, own_s = time.perf_counter(), own_processor_seconds()
    result = call()
    return Spent(wall_s=time.perf_counter() - started, processor_s=own_processor_seconds() - own_s), result


def of_command(command: Sequence[str]) -> Spent:
    """What a command takes from its start to its end.

    Raises:
        TrainingError: If it fails, since less work is no measurement.
    """
    # As for a user, whose Python reads a module from its cache.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as said:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            last = said.read().decode(errors="replace").strip()[-1000:]
            raise TrainingError(f"{' '.join(command)} ended with code {process.returncode}: {last}")
    return Spent(wall_s=wall_s, processor_s=usage.ru_utime + usage.ru_stime)
