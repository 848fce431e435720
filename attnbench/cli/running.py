"""Running a suite with its progress on the terminal, or saying what it would take."""

import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from attnbench.errors import SpecError
from attnbench.loggers import LogTo
from attnbench.record import Store
from attnbench.spec import SuiteSpec, digest

if TYPE_CHECKING:
    from attnbench.suite import SuiteResult

# What needs torch is imported where it is used: it takes seconds, and --help should not.


def check_counts(**counts: int | None) -> None:
    """Refuse counts below 1.

    Raises:
        SpecError: If one is given and below 1.
    """
    for name, number in counts.items():
        if number is not None and number < 1:
            raise SpecError(f"{name} must be at least 1; got {name}={number}")


def print_dry_run_of(spec: SuiteSpec, store: Store, workers: int | None) -> None:
    """List a suite's runs and what they would take; nothing is trained but a few steps, to time them."""
    with Console(stderr=True).status("Loading torch and the data, and timing a few steps …"):
        from attnbench.cli.dry_run import print_dry_run
        from attnbench.dry_run import dry_run

        planned = dry_run(spec, store, workers=workers)
    print_dry_run(planned, Console())


def run_shown(spec: SuiteSpec, store: Store, workers: int | None, log_to: LogTo | None) -> "SuiteResult | None":
    """Run what the store does not hold yet, with progress on standard error.

    Args:
        spec: The grid.
        store: Where the records are, and go.
        workers: Runs at once; none chooses by the machine.
        log_to: Where each run is logged, if anywhere.

    Returns:
        The records and the failures; none after Ctrl-C.
    """
    console = Console(stderr=True)
    with console.status("Loading torch, the data and every model once …"):
        from attnbench.cli.display import SuiteDisplay
        from attnbench.suite import SuiteResult, check_suite, expand, missing_runs, run_suite
        from attnbench.training import resolve_device
        from attnbench.workers import default_num_workers, open_executor

        specs = expand(spec)
        missing = missing_runs(specs, store)
        if missing:
            check_suite(spec)
            has_gpu = resolve_device(spec.compute).type == "cuda"
            num_workers = workers or default_num_workers(spec.compute, has_gpu=has_gpu, num_runs=len(missing))
    if not missing:  # a store that is whole is read, on any machine
        console.print(f"{len(specs)} of {len(specs)} runs are recorded already.", highlight=False)
        return SuiteResult(tuple(store.get(digest(one)) for one in specs), ())
    display = SuiteDisplay(console, missing, num_recorded=len(specs) - len(missing))
    try:
        with (
            display,
            open_executor(num_workers, imports=spec.imports, on_progress=display.on_progress) as executor,
        ):
            return run_suite(spec, store, executor=executor, on_finished=display.on_finished, log_to=log_to)
    except KeyboardInterrupt:
        console.print(
            f"\nInterrupted: {display.done} of {len(specs)} runs are in {escape(str(store.path))}; "
            "the same command goes on from there.",
            highlight=False,
        )
        return None


def say_failures(result: "SuiteResult") -> int:
    """Name the runs that gave no record, and return the exit code: 1 if there are any."""
    for failure in result.failures:
        print(f"failed: {failure.spec.attention} seed {failure.spec.seed}: {failure.reason}", file=sys.stderr)
    return 1 if result.failures else 0
