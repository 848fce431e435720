"""Suites timed through the executors, as the command line opens them."""

import io
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from attnbench.cli.display import SuiteDisplay
from attnbench.errors import TrainingError
from attnbench.execution import run_missing
from attnbench.executors.choice import Choice
from attnbench.executors.opening import open_executor
from attnbench.grid import Grid
from attnbench.record import Store
from attnbench.spec import Compute, SuiteSpec
from attnbench.store import RecordFolder
from attnbench.suite import grid_of
from benchmarks.scale.notes import Notes, grid_of_notes

ROOT = Path(__file__).parents[2]

CHOICES: Mapping[str, Choice] = {
    "in this process": Choice(workers=1),
    "2 workers": Choice(workers=2),
    "Ray, 2 at once": Choice(kind="ray", workers=2, settings={"address": "local"}),
    "submitit's jobs, 2 at once": Choice(kind="slurm", workers=2, settings={"cluster": "local"}),
}
"""What is compared, by name. Of Ray a cluster of this machine is started; there is no SLURM to be had everywhere."""

A_PROCESS_EACH = "submitit's jobs, 2 at once"
"""The one that starts a Python for each run."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A suite that was run."""

    num_runs: int
    start_s: float
    """Until every worker was ready."""
    work_s: float
    """From the first run's beginning to the last one's record."""

    @property
    def whole_s(self) -> float:
        """What a user waits for."""
        return self.start_s + self.work_s

    @property
    def run_ms(self) -> float:
        """Milliseconds a run, at work."""
        return 1e3 * self.work_s / self.num_runs


def see_benchmarks() -> None:
    """Let processes that others start import this package."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)


def time_trainings(suite: SuiteSpec, choice: Choice) -> Timed:
    """Train a suite into a new store."""
    with tempfile.TemporaryDirectory() as folder, opened(choice, Path(folder)) as (executor, start_s):
        return timed(grid_of(suite), Store(Path(folder) / "store"), executor, start_s)


def time_notes(numbers: Sequence[int], choice: Choice) -> list[Timed]:
    """Run as many runs that do nothing as each number says, one suite after another, with the same workers."""
    with tempfile.TemporaryDirectory() as folder, opened(choice, Path(folder)) as (executor, start_s):
        stores = [Notes(Path(folder) / f"store{index}") for index in range(len(numbers))]
        return [
            timed(grid_of_notes(number), store, executor, start_s)
            for number, store in zip(numbers, stores, strict=True)
        ]


@contextmanager
def opened(choice: Choice, folder: Path) -> Iterator[tuple[Executor, float]]:
    """An executor whose workers are ready, and the seconds until they were."""
    started = time.perf_counter()
    heard: dict[str, Any] = {"on_progress": lambda *event: None, "on_notice": lambda sentence: None}
    with open_executor(choice, compute=Compute(device="cpu"), num_runs=2, folder=folder, **heard) as executor:
        if choice.kind != "slurm" and choice.workers != 1:
            wait([executor.submit(time.sleep, 0.5) for _ in range(2)])
        yield executor, time.perf_counter() - started


def timed(grid: Grid[Any, Any], store: RecordFolder[Any], executor: Executor, start_s: float) -> Timed:
    """Run a grid with its bars drawn, as on a terminal.

    Raises:
        TrainingError: If a run fails, since less work is no measurement.
    """
    started = time.perf_counter()
    console = Console(file=io.StringIO(), force_terminal=True)
    missing = grid.missing(store)
    with SuiteDisplay(console, grid, missing) as display:
        result = run_missing(grid, store, executor=executor, on_finished=display.on_finished)
    if result.failures:
        raise TrainingError(f"{result.failures[0].reason}; there is nothing to compare")
    return Timed(num_runs=len(missing), start_s=start_s, work_s=time.perf_counter() - started)
