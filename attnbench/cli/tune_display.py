"""The live progress of a search: a bar on a terminal, and a line for each trial that ends."""

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from attnbench.report.numbers import duration
from attnbench.study import TrialSummary
from attnbench.tune_spec import TuneSpec


class TuneDisplay:
    """Tells of the trials of a study."""

    def __init__(
        self, console: Console, spec: TuneSpec, *, num_trials: int, num_ended: int, best: float | None
    ) -> None:
        """Prepare the bar.

        Args:
            console: Where to draw; standard error keeps standard output for the report.
            spec: The study.
            num_trials: Trials wanted.
            num_ended: Trials that had ended before.
            best: Best accuracy before, percent.
        """
        self.console = console
        self.accuracy = spec.objectives.index("accuracy")
        self.num_trials = num_trials
        self.num_ended = num_ended
        self.best = best
        self.progress = Progress(
            TextColumn("trials"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            refresh_per_second=2,
            transient=True,
            disable=not console.is_terminal,
        )
        self.bar = self.progress.add_task("trials", total=num_trials, completed=num_ended)

    def __enter__(self) -> "TuneDisplay":
        self.progress.start()
        if self.num_ended:
            self.console.print(f"{self.num_ended} of {self.num_trials} trials have ended already.", highlight=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def on_trial(self, trial: TrialSummary) -> None:
        """Say how a trial ended."""
        self.num_ended += 1
        self.progress.update(self.bar, completed=self.num_ended)
        what = escape(
            " ".join([trial.attention or "?", *(f"{name}={value:g}" for name, value in trial.recipe.items())])
        )
        count = f"{self.num_ended}/{self.num_trials}"
        self.console.print(f"{count} trial {trial.number}, {what}: {self._how(trial)}", highlight=False)

    def on_death(self, message: str) -> None:
        """Say that a worker died."""
        self.console.print(escape(message), highlight=False)

    def _how(self, trial: TrialSummary) -> str:
        took = f" in {duration(trial.seconds)}" if trial.seconds is not None else ""
        if trial.state == "pruned":
            return f"pruned after step {trial.curve[-1][0]}, at {trial.curve[-1][1]:.2f} %{took}"
        if trial.state == "failed":
            return f"failed: {escape(trial.reason)}"
        accuracy = trial.values[self.accuracy]
        self.best = max(accuracy, self.best if self.best is not None else accuracy)
        again = f", as trial {trial.same_as}" if trial.same_as is not None else took
        return f"{accuracy:.2f} % on validation{again}; best {self.best:.2f} %"
