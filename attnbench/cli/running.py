"""Running a suite with its progress on the terminal, or saying what it would take."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.markup import escape

from attnbench.errors import SpecError
from attnbench.executors.choice import Choice
from attnbench.loggers import LogTo
from attnbench.paths import make_output_folder
from attnbench.record import Record, Store
from attnbench.spec import RunSpec, SuiteSpec
from attnbench.store import RecordFolder, Storable

if TYPE_CHECKING:
    from attnbench.grid import Grid, SuiteResult
    from attnbench.prospect import DryRun

S = TypeVar("S")
R = TypeVar("R", bound=Storable)

# What needs torch is imported where it is used: it takes seconds, and --help should not.


def check_counts(**counts: int | None) -> None:
    """Refuse counts below 1.

    Raises:
        SpecError: If one is given and below 1.
    """
    for name, number in counts.items():
        if number is not None and number < 1:
            raise SpecError(f"{name} must be at least 1; got {name}={number}")


def print_dry_run_of(spec: SuiteSpec, store: Store, workers: int | None, *, checkpoints: Path | None = None) -> None:
    """List a suite's runs and what they would take; nothing is trained but a few steps, to time them.

    Args:
        spec: The grid.
        store: Where the records are; it need not exist.
        workers: Runs at once; none chooses by the machine.
        checkpoints: Folder for the trained models; none saves none.
    """

    def find_out() -> "DryRun":
        from attnbench.dry_run import dry_run

        return dry_run(spec, store, workers=workers, checkpoints=checkpoints)

    show_dry_run(find_out)


def show_dry_run(find_out: "Callable[[], DryRun]") -> None:
    """Print what a dry run finds out.

    Args:
        find_out: Does it; it may import torch.
    """
    with Console(stderr=True).status("Loading torch and the data, and timing a few steps …"):
        from attnbench.cli.dry_run import print_dry_run

        planned = find_out()
    print_dry_run(planned, Console())


def run_shown(
    spec: SuiteSpec, store: Store, choice: Choice, log_to: LogTo | None, *, checkpoints: Path | None = None
) -> "SuiteResult[RunSpec, Record] | None":
    """Run what the store does not hold yet of a suite; see `show_runs`.

    Args:
        spec: The grid.
        store: Where the records are, and go.
        choice: Where the runs are executed.
        log_to: Where each run is logged, if anywhere.
        checkpoints: Folder for the trained models, made where it is missing; none saves none.
    """
    if checkpoints is not None:
        make_output_folder(checkpoints, option="checkpoints")

    def load() -> "Grid[RunSpec, Record]":
        from attnbench.suite import grid_of

        return grid_of(spec, checkpoints=checkpoints, log_to=log_to)

    return show_runs(load, store, choice)


def show_runs(load: "Callable[[], Grid[S, R]]", store: RecordFolder[R], choice: Choice) -> "SuiteResult[S, R] | None":
    """Run what a store does not hold yet, with progress on standard error.

    Args:
        load: Gives the runs; it may import torch.
        store: Where the records are, and go.
        choice: Where the runs are executed.

    Returns:
        The records and the failures; none after Ctrl-C.
    """
    console = Console(stderr=True)
    with console.status("Loading torch, the data and every model once …"):
        from attnbench.cli.display import SuiteDisplay
        from attnbench.execution import run_missing
        from attnbench.executors.joined import choice_of_joined
        from attnbench.executors.opening import open_executor
        from attnbench.grid import SuiteResult

        choice = choice_of_joined(choice)
        grid = load()
        missing, lost = grid.missing(store), grid.lost(store)
        if missing:
            remarks = grid.check()
    total = len(grid.specs)
    if len(missing) < total:
        recorded, diverged = total - len(missing) - len(lost), f", and {len(lost)} as diverged" if lost else ""
        console.print(f"{recorded} of {total} runs are recorded already{diverged}.", highlight=False)
    if not missing:  # a store that is whole is read, on any machine
        return SuiteResult(grid.recorded(store), lost)
    for remark in remarks:
        console.print(escape(remark), highlight=False)
    display = SuiteDisplay(console, grid, missing)
    try:
        with (
            display,
            open_executor(
                choice,
                compute=grid.compute,
                num_runs=len(missing),
                folder=store.path,
                on_progress=display.on_progress,
                on_notice=display.on_notice,
            ) as executor,
        ):
            return run_missing(grid, store, executor=executor, on_finished=display.on_finished)
    except KeyboardInterrupt:
        console.print(
            f"\nInterrupted: {display.num_recorded} of {total} runs are in {escape(str(store.path))}; "
            "the same command goes on from there.",
            highlight=False,
        )
        return None


def say_failures(result: "SuiteResult[S, R]") -> int:
    """Name the runs that gave no record, and return the exit code: 1 if there are any."""
    for failure in result.failures:
        print(f"failed: {failure.label}: {failure.reason}", file=sys.stderr)
    return 1 if result.failures else 0
