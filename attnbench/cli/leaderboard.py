"""`attnbench leaderboard`: train, measure and rank."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from attnbench.cli.options import LogOptions, SpecOptions, check_log_options, log_to_from, quick, suite_from
from attnbench.cli.report import print_leaderboards
from attnbench.errors import SpecError
from attnbench.loggers import LogTo
from attnbench.record import Store
from attnbench.spec import SuiteSpec
from attnbench.spec_io import to_yaml
from attnbench.variant import split_variants

_ATTENTION_HELP = "Variants to compare, with commas between them, such as none,sge,ge:extent=8,parametric=false."


def leaderboard(
    suite: str | None = None,
    /,
    *,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    options: SpecOptions | None = None,
    logs: LogOptions | None = None,
    seeds: int | None = None,
    quick_: Annotated[bool, Parameter(name="--quick", negative=(), show_default=False)] = False,
    store: Path = Path("records"),
    workers: int | None = None,
    dry_run: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    print_spec: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Train and measure several attention modules under one recipe, and print a table that ranks them.

    Every variant meets the same seeds, data order, augmentation and initial
    weights. Each run is recorded in the store as it ends; the same command
    started again does only what is missing.

    Parameters
    ----------
    suite
        A preset's name or a YAML file; by default the preset of the data set. See `attnbench list presets`.
    seeds
        How many seeds: 0, 1, 2 ….
    quick_
        A smoke test: two seeds and a third of the epochs, where --seeds and --epochs do not say otherwise. It shows
        that all works, and ranks nothing.
    store
        Folder of the records.
    workers
        Runs at once, each in a process of its own; by default one a CPU core, or one for a GPU.
    dry_run
        List the runs, and say how many images, hours and bytes they would take; nothing is trained but a few steps
        of each variant without records, to time them.
    print_spec
        Print the suite as YAML and stop.
    """
    for name, number in {"workers": workers, "seeds": seeds}.items():
        if number is not None and number < 1:
            raise SpecError(f"{name} must be at least 1; got {name}={number}")
    logs = logs or LogOptions()
    check_log_options(logs, trains_nothing={"--dry-run": dry_run, "--print-spec": print_spec})
    spec = suite_from(
        suite,
        options or SpecOptions(),
        attention=split_variants(attention) if attention else None,
        seeds=list(range(seeds)) if seeds is not None else None,
    )
    if quick_:
        spec = quick(
            spec, keeps_seeds=seeds is not None, keeps_epochs=options is not None and options.epochs is not None
        )
    if print_spec:
        print(to_yaml(spec), end="")
        return 0
    if dry_run:
        return _dry_run(spec, Store(store), workers)
    return _run(spec, Store(store), workers, log_to_from(logs))


def _dry_run(spec: SuiteSpec, store: Store, workers: int | None) -> int:
    with Console(stderr=True).status("Loading torch and the data, and timing a few steps …"):
        from attnbench.cli.dry_run import print_dry_run
        from attnbench.dry_run import dry_run

        planned = dry_run(spec, store, workers=workers)
    print_dry_run(planned, Console())
    return 0


def _run(spec: SuiteSpec, store: Store, workers: int | None, log_to: LogTo | None) -> int:
    console = Console(stderr=True)
    with console.status("Loading torch, the data and every model once …"):
        # Here, not at the top: torch takes seconds to import, and --help should not.
        from attnbench.cli.display import SuiteDisplay
        from attnbench.suite import check_suite, expand, missing_runs, run_suite
        from attnbench.training import resolve_device
        from attnbench.workers import default_num_workers, open_executor

        check_suite(spec)
        specs = expand(spec)
        missing = missing_runs(specs, store)
        has_gpu = resolve_device(spec.compute).type == "cuda"
        num_workers = workers or default_num_workers(spec.compute, has_gpu=has_gpu, num_runs=len(missing))
    display = SuiteDisplay(console, missing, num_recorded=len(specs) - len(missing))
    try:
        with (
            display,
            open_executor(num_workers, imports=spec.imports, on_progress=display.on_progress) as executor,
        ):
            result = run_suite(spec, store, executor=executor, on_finished=display.on_finished, log_to=log_to)
    except KeyboardInterrupt:
        console.print(
            f"\nInterrupted: {display.done} of {len(specs)} runs are in {escape(str(store.path))}; "
            "the same command goes on from there.",
            highlight=False,
        )
        return 130
    if result.records:
        print_leaderboards(list(result.records), store=store.path)
    for failure in result.failures:
        print(f"failed: {failure.spec.attention} seed {failure.spec.seed}: {failure.reason}", file=sys.stderr)
    return 1 if result.failures else 0
