"""A grid of runs: expanded from a suite, resumed from a store, executed by an executor."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from pathlib import Path

from attnbench.diverging import divergence_recorded
from attnbench.execution import run_missing, run_resumed, tell_progress
from attnbench.grid import Failure, Grid, SuiteResult
from attnbench.joining import check_ranks
from attnbench.loggers import LoggedSpec, LogTo, log_name
from attnbench.models.compiling import check_compiler
from attnbench.plugin_files import data_plugin_of, plugin_of
from attnbench.record import Record, Store
from attnbench.run import run_spec
from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import PluginFile, RunSpec, SuiteSpec, digest


def expand(suite: SuiteSpec) -> list[RunSpec]:
    """The runs of a suite: for each seed every variant, so that a part of it is already a comparison.

    A run whose module or data set comes from a user's file carries the hash of that file.

    Raises:
        UnknownNameError: If there is no such module or data set.
        PluginError: If a user's file cannot be imported.
    """
    plugins = {text: plugin_of(text, suite.imports) for text in suite.attention}
    data_plugin = data_plugin_of(suite.data, suite.imports)
    return [
        run_of(suite, attention, seed=seed, plugin=plugins[attention], data_plugin=data_plugin)
        for seed in suite.seeds
        for attention in suite.attention
    ]


def run_of(
    suite: SuiteSpec, attention: str, *, seed: int, plugin: PluginFile | None, data_plugin: PluginFile | None
) -> RunSpec:
    """One run under a suite's conditions; its variant need not be one of the suite's."""
    return RunSpec(
        attention=attention,
        backbone=suite.backbone,
        data=suite.data,
        root=suite.root,
        recipe=suite.recipe,
        compute=suite.compute,
        baseline=suite.baseline,
        measure=suite.measure,
        seed=seed,
        plugin=plugin,
        data_plugin=data_plugin,
    )


def check_suite(suite: SuiteSpec) -> tuple[str, ...]:
    """Load the data and build every variant's model once, so that a mistake shows before hours of training.

    Returns:
        What a user should know before it begins: nothing.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    check_models(expand(suite)[0], suite.attention)
    return ()


def check_models(run: RunSpec, variants: Iterable[str]) -> None:
    """Load a run's data and build the model of each variant in its place.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    check_ranks(run.compute)
    check_compiler(run.compute)
    data = read_data(run)
    for attention in variants:
        build_run_model(run, attention, data)


def grid_of(suite: SuiteSpec, *, checkpoints: Path | None = None, log_to: LogTo | None = None) -> Grid[RunSpec, Record]:
    """The runs of a suite as the executors take them.

    Args:
        suite: The grid.
        checkpoints: Folder for each trained classifier, as `checkpoint_name` names it; none saves none.
        log_to: Where each run is logged, if anywhere.

    Raises:
        UnknownNameError: If a variant names no registered module.
        PluginError: If a user's file cannot be imported.
    """
    check = partial(check_suite, suite)
    return grid_of_runs(expand(suite), suite.imports, check=check, checkpoints=checkpoints, log_to=log_to)


def grid_of_runs(
    specs: Sequence[RunSpec],
    imports: tuple[str, ...],
    *,
    check: Callable[[], Sequence[str]],
    checkpoints: Path | None = None,
    log_to: LogTo | None = None,
) -> Grid[RunSpec, Record]:
    """Runs as the executors take them.

    Args:
        specs: The runs, all trained under one `compute`.
        imports: Users' files or modules that a worker imports first.
        check: Holds what they name to what is there.
        checkpoints: Folder for each trained classifier; none saves none.
        log_to: Where each run is logged, if anywhere.
    """
    return Grid(
        specs=tuple(specs),
        compute=specs[0].compute,
        imports=imports,
        digest_of=digest,
        execute=partial(execute, checkpoints=checkpoints, log_to=log_to),
        check=check,
        label=_label,
        score=_score,
        has_files=partial(has_checkpoint, checkpoints),
    )


def grid_of_run(
    spec: RunSpec, imports: tuple[str, ...], *, checkpoint: Path | None = None, log_to: LogTo | None = None
) -> Grid[RunSpec, Record]:
    """A single run as the executors take it.

    Args:
        spec: The run.
        imports: Users' files or modules that register what it names.
        checkpoint: File for the trained classifier; with one it is run even if it is recorded.
        log_to: Where it is logged, if anywhere.
    """

    def check() -> tuple[str, ...]:
        check_models(spec, (spec.attention,))
        return ()

    return replace(
        grid_of_runs((spec,), imports, check=check),
        execute=partial(execute_for, checkpoint=checkpoint, log_to=log_to),
        has_files=lambda spec: checkpoint is None,
    )


def checkpoint_name(spec: LoggedSpec) -> str:
    """File of a run's trained model: readable, and by the digest its own."""
    return f"{log_name(spec)}.ckpt"


def has_checkpoint(checkpoints: Path | None, spec: LoggedSpec) -> bool:
    """Whether a run has left its trained model, if that is wanted.

    Args:
        checkpoints: Folder of the models; none wants none.
        spec: The run.
    """
    return checkpoints is None or (checkpoints / checkpoint_name(spec)).is_file()


def _label(spec: RunSpec) -> str:
    """What a run is called within a suite."""
    return f"{spec.attention} seed {spec.seed}"


def _score(record: Record) -> str:
    """What a run gave, in a word."""
    return f"top-1 {record.values.test_top1_percent:.2f} % in {record.timing.wall_s:.0f} s"


def run_suite(
    suite: SuiteSpec,
    store: Store,
    *,
    executor: Executor,
    on_finished: Callable[[Record | Failure[RunSpec]], None],
    log_to: LogTo | None = None,
) -> SuiteResult[RunSpec, Record]:
    """Run what the store does not hold yet. A run that fails does not stop the others.

    Args:
        suite: The grid.
        store: Where each record is written as soon as its run ends.
        executor: Executes the runs: in this process or in others.
        on_finished: Hears of each run as it ends.
        log_to: Where each run is logged, if anywhere.

    Raises:
        AttnBenchError: If the suite cannot be expanded.
        StoreError: If the store cannot be written; nothing is trained then.
        ExecutorError: If the executor cannot take the runs.
    """
    return run_missing(grid_of(suite, log_to=log_to), store, executor=executor, on_finished=on_finished)


def execute(spec: RunSpec, store_path: Path, *, checkpoints: Path | None = None, log_to: LogTo | None = None) -> Record:
    """Run one spec and store its record; a run that was cut off goes on after its last whole epoch."""
    checkpoint = None if checkpoints is None else checkpoints / checkpoint_name(spec)
    has_files = has_checkpoint(checkpoints, spec)
    return _execute(spec, store_path, checkpoint=checkpoint, has_files=has_files, log_to=log_to)


def execute_for(spec: RunSpec, store_path: Path, *, checkpoint: Path | None, log_to: LogTo | None) -> Record:
    """Run one spec and store its record, for a checkpoint even if it is recorded."""
    return _execute(spec, store_path, checkpoint=checkpoint, has_files=checkpoint is None, log_to=log_to)


def _execute(
    spec: RunSpec, store_path: Path, *, checkpoint: Path | None, has_files: bool, log_to: LogTo | None
) -> Record:
    run_digest = digest(spec)

    def run(state: Path) -> Record:
        tell = partial(tell_progress, run_digest)
        with divergence_recorded(spec, store_path):
            return run_spec(spec, on_progress=tell, checkpoint=checkpoint, resume=state, log_to=log_to)

    return run_resumed(Store(store_path), run_digest, has_files=has_files, run=run)
