"""Runs through an executor, each recorded as soon as it ends; what a store holds already is not run again."""

import contextlib
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, as_completed
from pathlib import Path
from typing import TypeVar

import torch

from attnbench.diverged_record import DivergedStore
from attnbench.errors import AttnBenchError, DivergedError, ExecutorError, RecordError, StoreError
from attnbench.grid import Failure, Grid, SuiteResult, recorded_or_set_aside
from attnbench.measure.memory import free_memory
from attnbench.plugins import import_plugins
from attnbench.printable import printable
from attnbench.processes import sendable
from attnbench.resuming import remove_state
from attnbench.store import RecordFolder, Storable

SuiteProgress = Callable[[str, str, int, int], None]
"""Called with a run's digest, its phase, steps done and steps in all."""

_OUT_OF_MEMORY = "out of memory; a smaller batch_size or fewer --workers need less"

STATES = ".states"
"""Folder within a store for the states of unfinished trainings."""

S = TypeVar("S")
R = TypeVar("R", bound=Storable)


def run_missing(
    grid: Grid[S, R],
    store: RecordFolder[R],
    *,
    executor: Executor,
    on_finished: Callable[[R | Failure[S]], None],
) -> SuiteResult[S, R]:
    """Run what the store does not hold yet. A run that fails does not stop the others.

    Args:
        grid: The runs.
        store: Where each record is written as soon as its run ends, also that of a run that diverged.
        executor: Executes the runs: in this process or in others.
        on_finished: Hears of each run as it ends.

    Raises:
        StoreError: If the store cannot be written; then no run begins, and what is recorded stays.
        ExecutorError: If the executor cannot take the runs.
    """
    store.make()
    failures: list[Failure[S]] = list(grid.lost(store))
    pending: dict[Future[R], S] = {}

    def finish(future: Future[R], spec: S) -> None:
        outcome = _outcome(future, spec, grid.label(spec))
        # A worker on another machine may have another folder of this name.
        if not isinstance(outcome, Failure):
            store.add(outcome)
        else:
            failures.append(outcome)
            if outcome.diverged is not None:
                DivergedStore(store.path).add(outcome.diverged)
        on_finished(outcome)

    try:
        for spec in grid.missing(store):
            future = executor.submit(run_one, grid.imports, grid.execute, spec, store.path)
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
    _remove_left_states(grid, store)
    return SuiteResult(grid.recorded(store), tuple(failures))


def run_one(imports: tuple[str, ...], execute: Callable[[S, Path], R], spec: S, store_path: Path) -> R:
    """Execute a run in whichever process this is; a run that fails leaves no memory behind.

    Args:
        imports: Users' files, which register what the run names.
        execute: What executes it; see `Grid`.
        spec: The run.
        store_path: Where its record goes.
    """
    import_plugins(imports)
    try:
        return execute(spec, store_path)
    except Exception as error:
        # Its frames hold the model, and the next one may need all the memory there is.
        traceback.clear_frames(error.__traceback__)
        free_memory()
        if (told := sendable(error)) is not error:
            raise told from None
        raise


def spoils_its_process(error: BaseException) -> bool:
    """Whether what went wrong stays in the process: memory that has leaked, or a GPU that answers no more."""
    return is_out_of_memory(error) or isinstance(error, torch.AcceleratorError)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory for something, on the device or beside it."""
    # On a CPU torch has no class for it.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def run_resumed(store: RecordFolder[R], run_digest: str, *, has_files: bool, run: Callable[[Path], R]) -> R:
    """A run's record, found or made; one that was cut off goes on after its last whole epoch.

    Args:
        store: Where the record goes.
        run_digest: Digest of the run.
        has_files: Whether the files are there that it was asked to leave besides.
        run: Makes the record; it is given the file for the state of the unfinished training.

    Raises:
        DivergedError: If it diverges.
        StoreError: If the store cannot be written.
    """
    # Another suite with the same run may have been here meanwhile.
    if recorded_or_set_aside(store, run_digest) and has_files:
        return store.get(run_digest)
    state = store.path / STATES / f"{run_digest}.ckpt"
    try:
        record = run(state)
        store.add(record)
    except DivergedError:
        _remove_state(state)
        raise
    _remove_state(state)
    return record


def _remove_state(state: Path) -> None:
    with contextlib.suppress(OSError):  # the run is recorded, which is what counts
        remove_state(state)
    _remove_if_empty(state.parent)


def _remove_left_states(grid: Grid[S, R], store: RecordFolder[R]) -> None:
    """Remove the states of runs that another suite has ended while this one was at them, or was killed."""
    digests, diverged = set(map(grid.digest_of, grid.specs)), DivergedStore(store.path)
    for state in (store.path / STATES).glob("*.ckpt*"):
        run_digest = state.name.partition(".")[0]
        if run_digest in digests and (run_digest in store or run_digest in diverged):
            state.unlink(missing_ok=True)
    _remove_if_empty(store.path / STATES)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def set_progress(on_progress: SuiteProgress) -> None:
    """Set who hears of the progress of the runs that this process executes."""
    global _progress
    _progress = on_progress


def tell_progress(run_digest: str, phase: str, done: int, total: int) -> None:
    """Tell whoever `set_progress` has set."""
    _progress(run_digest, phase, done, total)


def _silent(run_digest: str, phase: str, done: int, total: int) -> None:
    """Nobody listens."""


_progress: SuiteProgress = _silent


def _outcome(future: Future[R], spec: S, label: str) -> R | Failure[S]:
    try:
        return future.result()
    except DivergedError as error:
        return Failure(spec, label, str(error), error.record)
    except AttnBenchError as error:
        if isinstance(error, (StoreError, ExecutorError)) and not isinstance(error, RecordError):
            raise  # no fault of the run: the next ones would be trained in vain
        return Failure(spec, label, str(error))
    except Exception as error:
        # torch's sentences may be several.
        said = printable(" ".join(str(error).split()))
        return Failure(spec, label, _OUT_OF_MEMORY if is_out_of_memory(error) else f"{type(error).__name__}: {said}")
