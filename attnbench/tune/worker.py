"""A worker: takes trials from a study until it has as many as are wanted."""

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from os import getpid
from pathlib import Path
from socket import gethostname

import numpy as np
from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import Trial

from attnbench.tune.objective import try_settings
from attnbench.tune.storage import DEFAULT_HEARTBEAT_S, open_storage
from attnbench.tune.study import SURPLUS, counted, counts, load_study, study_spec
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
    """Time, in seconds since 1970, after which no trial is begun; none for never."""
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
        KeyboardInterrupt: After Ctrl-C; the trial in work is put back, to go on from its last whole epoch.
    """
    storage = open_storage(task.storage, heartbeat_s=task.heartbeat_s)
    spec = study_spec(storage, task.study)
    study = load_study(storage, task.study, spec, seed=0)
    study = load_study(storage, task.study, spec, seed=_sampler_seed(study, spec, worker))
    objective = partial(_attempt, spec=spec, task=task)
    while True:
        if on_ended is not None:
            on_ended()
        now = counts(study)
        if now.ended >= task.num_trials or (task.deadline is not None and time.time() >= task.deadline):
            return
        if now.ended + now.running >= task.num_trials:
            time.sleep(_POLL_S)
            continue
        study.optimize(objective, n_trials=1, catch=(Exception,))


def _attempt(trial: Trial, *, spec: TuneSpec, task: Work) -> list[float]:
    if _is_surplus(trial, task.num_trials):
        trial.set_user_attr(SURPLUS, True)
        raise _SurplusError
    try:
        return try_settings(trial, spec, checkpoints=task.checkpoints)
    except KeyboardInterrupt:
        _put_back(trial)
        raise


def _is_surplus(trial: Trial, num_trials: int) -> bool:
    """Whether workers that asked at the same moment have begun more trials than are wanted, and this is the last."""
    numbers = [other.number for other in counted(trial.study.get_trials(deepcopy=False))]
    return numbers.index(trial.number) >= num_trials


def _put_back(trial: Trial) -> None:
    """Queue the trial again, as if its worker had died, without the wait for its heartbeat."""
    frozen = trial.study.get_trials()[trial.number]
    RetryHeartbeatStaleTrialCallback()(trial.study, frozen)


def _sampler_seed(study: Study, spec: TuneSpec, worker: int) -> int:
    """The study's own seed where it begins; where it goes on, another one for each worker and start."""
    words = [spec.search_seed, worker]
    if len(study.get_trials(deepcopy=False)) > 1:
        words += [zlib.crc32(gethostname().encode()), getpid()]
    (seed,) = np.random.SeedSequence(words).generate_state(1)
    return int(seed)
