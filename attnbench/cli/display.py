"""The live progress of a suite: overall, per run, and time left."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from attnbench.record import Record
from attnbench.report.numbers import duration
from attnbench.spec import RunSpec, digest
from attnbench.suite import Failure

_RUN_STEPS = 100


class SuiteDisplay:
    """Bars on a terminal; elsewhere a line for each run that ends."""

    def __init__(self, console: Console, specs: list[RunSpec], *, num_recorded: int) -> None:
        """Prepare the bars.

        Args:
            console: Where to draw; standard error keeps standard output for the table.
            specs: The runs that are to be done.
            num_recorded: Runs of the suite that the store holds already.
        """
        self.console = console
        self.labels = {digest(spec): f"{spec.attention} seed {spec.seed}" for spec in specs}
        self.num_recorded = num_recorded
        self.total = num_recorded + len(specs)
        self.done = num_recorded
        self.fractions: dict[str, float] = {}
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
        self.overall = self.progress.add_task("all runs", total=len(specs) or 1, left="")

    def __enter__(self) -> "SuiteDisplay":
        self.progress.start()
        if self.num_recorded:
            self.console.print(f"{self.num_recorded} of {self.total} runs are recorded already.", highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def on_progress(self, run_digest: str, phase: str, done: int, total: int) -> None:
        """Move a run's bar; called from any thread."""
        fraction = done / total if phase == "train" and total else float(phase == "measure")
        description = f"  {escape(self.labels.get(run_digest, run_digest))}: {phase}"
        self.fractions[run_digest] = fraction
        if run_digest not in self.tasks:
            self.tasks[run_digest] = self.progress.add_task(description, total=_RUN_STEPS, left="")
        self.progress.update(self.tasks[run_digest], description=description, completed=fraction * _RUN_STEPS)
        self._move_overall()

    def on_finished(self, outcome: Record | Failure) -> None:
        """Remove a run's bar, and say how it ended."""
        run_digest = outcome.digest if isinstance(outcome, Record) else digest(outcome.spec)
        label = escape(self.labels[run_digest])
        self.done += 1
        self.fractions[run_digest] = 1.0
        if run_digest in self.tasks:
            self.progress.remove_task(self.tasks.pop(run_digest))
        if isinstance(outcome, Record):
            how = f"top-1 {outcome.values.test_top1_percent:.2f} % in {outcome.timing.wall_s:.0f} s"
        else:
            how = f"failed: {escape(outcome.reason)}"
        self.console.print(f"{self.done}/{self.total} {label}: {how}", highlight=False)
        self._move_overall()

    def _move_overall(self) -> None:
        completed = sum(self.fractions.values())
        self.progress.update(self.overall, completed=completed, description=f"{self.done}/{self.total} runs")
        task = self.progress.tasks[0]
        if task.elapsed and completed > 0.2:
            left_s = task.elapsed * (len(self.labels) - completed) / completed
            self.progress.update(self.overall, left=f"about {duration(left_s)} left")
