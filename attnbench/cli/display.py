"""The live progress of a suite: overall, per run, and time left."""

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Generic, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from attnbench.grid import Failure, Grid
from attnbench.report.numbers import duration
from attnbench.store import Storable

S = TypeVar("S")
R = TypeVar("R", bound=Storable)

_RUN_STEPS = 100


class SuiteDisplay(Generic[S, R]):
    """Bars on a terminal; elsewhere a line for each run that ends."""

    def __init__(self, console: Console, grid: Grid[S, R], missing: Sequence[S]) -> None:
        """Prepare the bars.

        Args:
            console: Where to draw; standard error keeps standard output for the table.
            grid: All runs of the suite.
            missing: Those that are to be done.
        """
        self.console = console
        self.labels = {grid.digest_of(spec): grid.label(spec) for spec in missing}
        self.grid = grid
        self.total = len(grid.specs)
        self.done = self.num_recorded = len(grid.specs) - len(missing)
        self.fractions: dict[str, float] = {}
        self.completed = 0.0
        self.ended: set[str] = set()
        self.lock = threading.Lock()
        self.tasks: dict[str, TaskID] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            refresh_per_second=2,
            transient=True,
            disable=not console.is_terminal,
        )
        self.overall = self.progress.add_task("all runs", total=len(missing) or 1, left="")

    def __enter__(self) -> "SuiteDisplay[S, R]":
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def on_progress(self, run_digest: str, phase: str, done: int, total: int) -> None:
        """Move a run's bar; called from any thread."""
        fraction = done / total if phase == "train" and total else float(phase in ("test", "measure"))
        description = f"  {escape(self.labels.get(run_digest, run_digest))}: {phase}"
        with self.lock:
            if run_digest in self.ended:  # progress comes by another way than the end, and may be late
                return
            if run_digest not in self.tasks:
                self.tasks[run_digest] = self.progress.add_task(description, total=_RUN_STEPS, left="")
            self.progress.update(self.tasks[run_digest], description=description, completed=fraction * _RUN_STEPS)
            self._move_overall(run_digest, fraction)

    def on_finished(self, outcome: R | Failure[S]) -> None:
        """Remove a run's bar, and say how it ended."""
        run_digest = self.grid.digest_of(outcome.spec) if isinstance(outcome, Failure) else outcome.digest
        label = escape(self.labels[run_digest])
        self.done += 1
        is_recorded = not isinstance(outcome, Failure) or outcome.diverged is not None
        self.num_recorded += is_recorded
        with self.lock:
            self.ended.add(run_digest)
            if run_digest in self.tasks:
                self.progress.remove_task(self.tasks.pop(run_digest))
            self._move_overall(run_digest, 1.0)
        how = f"failed: {escape(outcome.reason)}" if isinstance(outcome, Failure) else self.grid.score(outcome)
        self.console.print(f"{self.done}/{self.total} {label}: {how}", highlight=False)

    def on_notice(self, sentence: str) -> None:
        """Say what happens beside the runs; called from any thread."""
        self.console.print(escape(sentence), highlight=False)

    def _move_overall(self, run_digest: str, fraction: float) -> None:
        # Counted on, since a sum over all runs at each step would take the longer the more there are.
        self.completed += fraction - self.fractions.get(run_digest, 0.0)
        self.fractions[run_digest] = fraction
        self.progress.update(self.overall, completed=self.completed, description=f"{self.done}/{self.total} runs")
        task = self.progress.tasks[0]
        if task.elapsed and self.completed > 0.2:
            left_s = task.elapsed * (len(self.labels) - self.completed) / self.completed
            self.progress.update(self.overall, left=f"about {duration(left_s)} left")
