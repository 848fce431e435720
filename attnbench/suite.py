"""A grid of runs: expanded from a suite, resumed from a store, executed by an executor."""

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from attnbench.attention import ATTENTION
from attnbench.data import build_data
from attnbench.errors import AttnBenchError, RecordError, TrainingError
from attnbench.loggers import LogTo
from attnbench.models import NO_ATTENTION
from attnbench.plugins import defines, plugin_file
from attnbench.record import Record, Store
from attnbench.run import build_run_model, run_spec
from attnbench.spec import PluginFile, RunSpec, SuiteSpec, digest
from attnbench.training import resolve_device
from attnbench.variant import Variant

SuiteProgress = Callable[[str, str, int, int], None]
"""Called with a run's digest, its phase, steps done and steps in all."""


@dataclass(frozen=True)
class Failure:
    """A run that gave no record."""

    spec: RunSpec
    """What was run."""
    reason: str
    """Why, in one sentence."""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite gave."""

    records: tuple[Record, ...]
    """The records of its runs, those of earlier calls included, in the suite's order."""
    failures: tuple[Failure, ...]
    """The runs that gave none."""


def expand(suite: SuiteSpec) -> list[RunSpec]:
    """The runs of a suite: for each seed every variant, so that a part of it is already a comparison.

    A run whose module comes from a user's file carries the hash of that file.

    Raises:
        UnknownNameError: If a variant names no registered module.
        PluginError: If a user's file cannot be imported.
    """
    plugins = {text: plugin_of(text, suite.imports) for text in suite.attention}
    return [
        run_of(suite, attention, seed=seed, plugin=plugins[attention])
        for seed in suite.seeds
        for attention in suite.attention
    ]


def run_of(suite: SuiteSpec, attention: str, *, seed: int, plugin: PluginFile | None) -> RunSpec:
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
    )


def check_suite(suite: SuiteSpec) -> None:
    """Load the data and build every variant's model once, so that a mistake shows before hours of training.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    check_models(expand(suite)[0], suite.attention)


def check_models(run: RunSpec, variants: Iterable[str]) -> None:
    """Load a run's data and build the model of each variant in its place.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    device = resolve_device(run.compute)
    data = build_data(run.data, root=run.root, recipe=run.recipe, seed=run.seed, device=device)
    data.prepare_data()
    data.setup("fit")
    for attention in variants:
        build_run_model(run, attention, data)


def missing_runs(specs: Iterable[RunSpec], store: Store) -> list[RunSpec]:
    """The runs that have no readable record in the store yet."""
    return [spec for spec in specs if not recorded_or_set_aside(store, digest(spec))]


def recorded_or_set_aside(store: Store, run_digest: str) -> bool:
    """Whether the store has a readable record; one that cannot be read is set aside, to make room for a new one.

    Raises:
        StoreError: If it cannot be set aside.
    """
    if run_digest not in store:
        return False
    try:
        store.get(run_digest)
    except RecordError:
        store.set_aside(run_digest)
        return False
    return True


def run_suite(
    suite: SuiteSpec,
    store: Store,
    *,
    executor: Executor,
    on_finished: Callable[[Record | Failure], None],
    log_to: LogTo | None = None,
) -> SuiteResult:
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
        TrainingError: If a worker process dies; what is recorded stays.
    """
    specs = expand(suite)
    store.make()
    failures: list[Failure] = []
    pending: dict[Future[Record], RunSpec] = {}

    def finish(future: Future[Record], spec: RunSpec) -> None:
        outcome = _outcome(future, spec)
        if isinstance(outcome, Failure):
            failures.append(outcome)
        on_finished(outcome)

    try:
        for spec in missing_runs(specs, store):
            future = executor.submit(execute, spec, store.path, log_to)
            if future.done():  # an executor of this process runs it at once
                finish(future, spec)
            else:
                pending[future] = spec
        for future in as_completed(pending):
            finish(future, pending[future])
    except BaseException:
        for future in pending:
            future.cancel()
        raise
    recorded = [store.get(run_digest) for run_digest in map(digest, specs) if run_digest in store]
    return SuiteResult(tuple(recorded), tuple(failures))


def execute(spec: RunSpec, store_path: Path, log_to: LogTo | None = None) -> Record:
    """Run one spec and store its record; this is what an executor calls."""
    run_digest = digest(spec)
    record = run_spec(
        spec, on_progress=lambda phase, done, total: _progress(run_digest, phase, done, total), log_to=log_to
    )
    Store(store_path).add(record)
    return record


def plugin_of(attention: str, imports: tuple[str, ...]) -> PluginFile | None:
    """The user's file that registers a variant's module, with its hash; none for attnbench's own.

    Raises:
        UnknownNameError: If the variant names no registered module.
        PluginError: If a file cannot be imported.
    """
    files = {name: plugin_file(name) for name in imports}
    variant = Variant.parse(attention)
    if variant.name == NO_ATTENTION:
        return None
    module_class = ATTENTION.get(variant.name).module_class
    return next((files[name] for name in imports if defines(name, module_class)), None)


def set_progress(on_progress: SuiteProgress) -> None:
    """Set who hears of the progress of the runs that this process executes."""
    global _progress
    _progress = on_progress


def _silent(run_digest: str, phase: str, done: int, total: int) -> None:
    """Nobody listens."""


_progress: SuiteProgress = _silent


def _outcome(future: Future[Record], spec: RunSpec) -> Record | Failure:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise TrainingError(
            "a worker process died, killed from outside or for lack of memory; the same command goes on from what is "
            "recorded, with --workers 1 in the least memory"
        ) from error
    except AttnBenchError as error:
        return Failure(spec, str(error))
    except Exception as error:
        return Failure(spec, f"{type(error).__name__}: {error}")
