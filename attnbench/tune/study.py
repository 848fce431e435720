"""A study in its storage: made, or found again and gone on with."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from os import getpid
from socket import gethostname

import optuna
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from attnbench.errors import SpecError, UnknownNameError
from attnbench.registry import did_you_mean
from attnbench.tune.experimental import experimental
from attnbench.tune.proposal import default_proposal, stored
from attnbench.tune.pruners import make_pruner
from attnbench.tune.retrying import SURPLUS, awaits_retry, retries, try_again
from attnbench.tune.samplers import make_sampler
from attnbench.tune.spec_json import from_json, to_json
from attnbench.tune_spec import TuneSpec, differences

SPEC = "spec"
"""User attribute of a study that holds its spec."""
STARTER = "starter"
"""User attribute of a study: the process that made it."""

_MAKING_S, _POLL_S = 5.0, 0.1
_LOST_S = 30.0
"""Seconds after which nobody else will queue a trial again: who marked it as failed has been killed in between."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How far a study is."""

    ended: int
    """Trials that are complete, pruned or failed for good."""
    running: int
    """Trials in work, of any worker on any machine, and those about to be queued again."""
    waiting: int
    """Trials that were lost with their worker or enqueued, and are next."""


def start_study(storage: BaseStorage, name: str, spec: TuneSpec) -> Study:
    """Make a study, or find the one of this name and go on with it.

    A new study tries the published default first, where it lies in the space.

    Raises:
        SpecError: If the study was started with another spec; the message names the fields.
    """
    # Before there is a study, so that a mistake leaves none behind. The grid tries all there is, and takes no default.
    default = default_proposal(spec) if spec.sampler != "grid" else None
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["maximize" if objective == "accuracy" else "minimize" for objective in spec.objectives],
        )
    except optuna.exceptions.DuplicatedStudyError:
        _wait_until_made(storage, name)
        known = study_spec(storage, name)
        if differing := differences(known, spec):
            raise SpecError(
                f"the study {name!r} was started with another {', '.join(differing)}; give --study and no option of "
                "the search to go on with it (what is not given counts as its default), or another name"
            ) from None
    else:
        with experimental():
            study.set_metric_names(list(spec.objectives))
        study.set_user_attr(STARTER, process_name(getpid()))
        if default is not None:
            study.enqueue_trial({name: stored(value) for name, value in default.items()})
        # Last: a study that has a spec is whole, for those who start it on another machine at the same moment.
        study.set_user_attr(SPEC, to_json(spec))
    return load_study(storage, name, spec, seed=spec.search_seed)


def process_name(pid: int) -> str:
    """A name of a process of this machine among those of all machines, which does not tell the machine's."""
    return hashlib.sha256(f"{gethostname()} {pid}".encode()).hexdigest()[:16]


def study_spec(storage: BaseStorage, name: str) -> TuneSpec:
    """The spec that a study was started with.

    Raises:
        UnknownNameError: If the storage has no such study.
        SpecError: If the study was not started by attnbench.
    """
    names = optuna.get_all_study_names(storage)
    if name not in names:
        raise UnknownNameError(
            f"no study {name!r} in this storage; {did_you_mean(name, names) if names else 'it has none'}"
        )
    text = optuna.load_study(study_name=name, storage=storage).user_attrs.get(SPEC)
    if text is None:
        raise SpecError(
            f"the study {name!r} was not started by attnbench tune, or its start was cut off; name another one with "
            "--study"
        )
    return from_json(text, source=f"the study {name!r}")


def load_study(storage: BaseStorage, name: str, spec: TuneSpec, *, seed: int) -> Study:
    """A study with the sampler and pruner of its spec, for one worker.

    Args:
        storage: Its storage.
        name: Its name.
        spec: Its spec.
        seed: Seed of this worker's sampler.
    """
    return optuna.load_study(
        study_name=name, storage=storage, sampler=make_sampler(spec, seed=seed), pruner=make_pruner(spec)
    )


def counted(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The trials that count: without those that were tried again, and those begun beyond the number wanted.

    Of trials that repeat the same one, because two workers have queued it again, the first counts.

    Args:
        trials: All of a study, by their numbers.
    """
    tried_again: set[int] = set()
    doubles: set[int] = set()
    for trial in trials:
        history = retries(trial)
        # What repeats a double is one too.
        if history and (history[-1] in tried_again or not doubles.isdisjoint(history)):
            doubles.add(trial.number)
        tried_again.update(history)
    left_out = tried_again | doubles
    return [trial for trial in trials if trial.number not in left_out and SURPLUS not in trial.user_attrs]


def has_ended(trial: FrozenTrial) -> bool:
    """Whether a trial that counts is complete, pruned or failed for good."""
    return trial.state.is_finished() and not awaits_retry(trial)


def first_attempt(trial: FrozenTrial) -> int:
    """Number under which a trial began for the first time."""
    return next(iter(retries(trial)), trial.number)


def counts(study: Study) -> Counts:
    """How far a study is; trials whose worker has died are queued again first."""
    with experimental():
        optuna.storages.fail_stale_trials(study)
    for trial in counted(study.get_trials(deepcopy=False)):
        if _is_lost(trial):
            try_again(study, trial)
    trials = counted(study.get_trials(deepcopy=False))
    return Counts(
        ended=sum(has_ended(trial) for trial in trials),
        running=sum(trial.state == TrialState.RUNNING or awaits_retry(trial) for trial in trials),
        waiting=sum(trial.state == TrialState.WAITING for trial in trials),
    )


def _is_lost(trial: FrozenTrial) -> bool:
    failed = trial.datetime_complete
    # Machines in other time zones write other hours; a trial that is queued twice gives way.
    return awaits_retry(trial) and failed is not None and abs((datetime.now() - failed).total_seconds()) > _LOST_S


def _wait_until_made(storage: BaseStorage, name: str) -> None:
    """Let another process, which has just begun to make a study, come to its end."""
    until = time.monotonic() + _MAKING_S
    while SPEC not in optuna.load_study(study_name=name, storage=storage).user_attrs and time.monotonic() < until:
        time.sleep(_POLL_S)
