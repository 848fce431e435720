"""A trial that is tried again: because its worker has died, or was told to stop."""

from copy import deepcopy

from optuna.storages import RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from attnbench.tune.experimental import experimental

MOST_DEATHS = 3
"""Workers that may die in a trial before it is given up."""
DEATHS = "deaths"
"""User attribute of a trial: how many workers have died in it."""
REASON = "reason"
"""User attribute of a trial: why it failed by itself."""
SURPLUS = "surplus"
"""User attribute of a trial that workers began at once where fewer were wanted; it is not counted."""


def put_back(study: Study, trial: FrozenTrial) -> None:
    """Queue a trial again, with all that is known of it."""
    with experimental():
        # A copy: Optuna adds to the history of the trial that it is given.
        RetryHeartbeatStaleTrialCallback()(study, deepcopy(trial))


def try_again(study: Study, trial: FrozenTrial) -> None:
    """Queue a failed trial again, if it is its worker that has died."""
    if awaits_retry(trial):
        lost = deepcopy(trial)
        lost.user_attrs[DEATHS] = _deaths(trial) + 1
        put_back(study, lost)


def awaits_retry(trial: FrozenTrial) -> bool:
    """Whether a trial that none repeats is to be queued again.

    Optuna fails a trial whose worker has died, and only then lets us queue it again; others that look meanwhile must
    not take it for one that has ended. A few deaths in one trial are its own fault.
    """
    failed_by_itself = REASON in trial.user_attrs or SURPLUS in trial.user_attrs
    return trial.state == TrialState.FAIL and not failed_by_itself and _deaths(trial) < MOST_DEATHS


def retries(trial: FrozenTrial) -> list[int]:
    """Numbers of the earlier attempts that a trial repeats, first to last."""
    with experimental():
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)


def _deaths(trial: FrozenTrial) -> int:
    deaths: int = trial.user_attrs.get(DEATHS, 0)
    return deaths
