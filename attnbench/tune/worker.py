"""A worker: takes trials from a study until it has as many as are wanted."""

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from optuna.exceptions import StorageInternalError
from optuna.study import Study
from optuna.trial import Trial, TrialState

from attnbench.measure.memory import free_memory
from attnbench.tune.interrupts import one_interrupt
from attnbench.tune.objective import try_settings
from attnbench.tune.retrying import SURPLUS, put_back
from attnbench.tune.storage import DEFAULT_HEARTBEAT_S, using_storage, watch_unheard
from attnbench.tune.study import (
    STARTER,
    counted,
    counts,
    first_attempt,
    load_study,
    process_name,
    study_spec,
)
from attnbench.tune_spec import TuneSpec

_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a worker is to do: plain data, which a process can be given."""

    storage: str
    """URL of the storage."""
    study: str
    """Name of the study."""
    num_trials: int
    """Trials that the study is to have in the end, those of all workers together."""
    checkpoints: Path
    """Folder of the states of unfinished trainings."""
    deadline: float | None = None
    """Time by this machine's monotonic clock after which no trial is begun; none for never."""
    heartbeat_s: int = DEFAULT_HEARTBEAT_S
    """Seconds between two signs of life of a trial."""


class _SurplusError(Exception):
    """More trials were begun than are wanted."""


def work(task: Work, *, worker: int = 0, on_ended: Callable[[], object] | None = None) -> None:
    """Take trials until the study has as many as are wanted, or time is up.

    While other workers are at the last trials this one waits, since one of them may die.

    Args:
        task: What to do.
        worker: Number of this worker on its machine; with the study's own seed it seeds the sampler.
        on_ended: Called after each trial, and before the first.

    Raises:
        StoreError: If the storage fails.
        KeyboardInterrupt: After Ctrl-C; the trial in work is put back, to go on from its last whole epoch.
    """
    with one_interrupt(), using_storage(task.storage, heartbeat_s=task.heartbeat_s) as storage:
        spec = study_spec(storage, task.study)
        study = load_study(storage, task.study, spec, seed=0)
        study = load_study(storage, task.study, spec, seed=_sampler_seed(study, spec, worker))
        while True:
            if on_ended is not None:
                on_ended()
            watch_unheard(storage, task.study)
            now = counts(study)
            if now.ended >= task.num_trials or (task.deadline is not None and time.monotonic() >= task.deadline):
                return
            if now.ended + now.running >= task.num_trials:
                time.sleep(_POLL_S)
                continue
            _try_one(study, spec, task)


def _try_one(study: Study, spec: TuneSpec, task: Work) -> None:
    begun: list[int] = []

    def attempt(trial: Trial) -> list[float]:
        begun.append(trial.number)
        return _attempt(trial, spec, task)

    try:
        study.optimize(attempt, n_trials=1, catch=(Exception,))
    except Exception:
        # A machine that slept is taken for dead by others, who end its trial and try it again.
        trials = study.get_trials(deepcopy=False)
        if not any(trials[number].state.is_finished() for number in begun):
            raise
    if any(study.get_trials(deepcopy=False)[number].state == TrialState.FAIL for number in begun):
        # Here, where its error no longer holds the model.
        free_memory()


def _attempt(trial: Trial, spec: TuneSpec, task: Work) -> list[float]:
    try:
        if _is_surplus(trial, task.num_trials):
            trial.set_user_attr(SURPLUS, True)
            raise _SurplusError
        return try_settings(trial, spec, checkpoints=task.checkpoints)
    except (KeyboardInterrupt, StorageInternalError):
        # As if its worker had died, without the wait for its heartbeat.
        put_back(trial.study, trial.study.get_trials()[trial.number])
        raise


def _is_surplus(trial: Trial, num_trials: int) -> bool:
    """Whether this is one more than is wanted: workers that ask at the same moment may begin, or repeat, too many."""
    # By their first attempts: a trial that is tried again has a new number, and is not a new one.
    first = {other.number: first_attempt(other) for other in counted(trial.study.get_trials(deepcopy=False))}
    if trial.number not in first:
        return True  # another one repeats the same trial, and was queued before
    return sum(other < first[trial.number] for other in first.values()) >= num_trials


def _sampler_seed(study: Study, spec: TuneSpec, worker: int) -> int:
    """The study's own seed where it was made; where it goes on, another one for each worker and start."""
    words = [spec.search_seed, worker]
    parent = multiprocessing.parent_process()
    own = {process_name(pid) for pid in (os.getpid(), parent.pid if parent is not None else None) if pid is not None}
    if study.user_attrs.get(STARTER) not in own or len(study.get_trials(deepcopy=False)) > 1:
        words.append(int(process_name(os.getpid()), 16))
    (seed,) = np.random.SeedSequence(words).generate_state(1)
    return int(seed)
