"""The search of `tune`, with its progress on standard error."""

import time

from rich.console import Console

from attnbench.cli.tune_display import TuneDisplay
from attnbench.cli.tune_study import Opened
from attnbench.executors.devices import default_num_workers
from attnbench.tune.session import search
from attnbench.tune.setup import check_spec
from attnbench.tune.study import counts
from attnbench.tune.summary import best_numbers
from attnbench.tune.worker import Work


def run_search(
    opened: Opened,
    console: Console,
    *,
    num_trials: int,
    timeout: float | None,
    workers: int | None,
    heartbeat_s: int,
) -> None:
    """Work off what a study still wants.

    Args:
        opened: The study.
        console: Where its progress is told.
        num_trials: Trials wanted in the end.
        timeout: Seconds after which no trial is begun.
        workers: Trials at once; none chooses by the machine.
        heartbeat_s: Seconds between two signs of life of a trial.

    Raises:
        AttnBenchError: If this machine cannot train what the study searches; no trial is spent on that.
        KeyboardInterrupt: After Ctrl-C, when the trials in work have been put back.
    """
    spec = opened.spec
    ended = counts(opened.study).ended
    if ended >= num_trials:
        console.print(f"All {ended} trials of {opened.name} have ended already.", highlight=False, markup=False)
        return
    if not opened.is_checked:
        with console.status("Loading the data …"):
            check_spec(spec)
    best = best_numbers(opened.study, spec)[:1]
    accuracy = spec.objectives.index("accuracy")
    num_workers = workers or default_num_workers(spec.run.compute, num_runs=num_trials - ended)
    display = TuneDisplay(
        console,
        spec,
        num_trials=num_trials,
        num_ended=ended,
        best=max((opened.study.trials[number].values[accuracy] for number in best), default=None),
    )
    task = Work(
        storage=opened.url,
        study=opened.name,
        num_trials=num_trials,
        checkpoints=opened.folder / "checkpoints",
        deadline=None if timeout is None else time.monotonic() + timeout,
        heartbeat_s=heartbeat_s,
    )
    with display:
        search(
            opened.study,
            spec,
            task,
            num_workers=num_workers,
            on_trial=display.on_trial,
            on_death=display.on_death,
        )
    if display.num_ended < num_trials:
        console.print(
            f"Time is up: {display.num_ended} of {num_trials} trials have ended; the same command goes on.",
            highlight=False,
        )
