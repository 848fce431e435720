"""A search from its start to its end: the study opened, the workers set to it, the trials told of as they end."""

from collections.abc import Callable

from optuna.study import Study
from optuna.trial import FrozenTrial

from attnbench.study import TrialSummary
from attnbench.tune.pool import run_workers
from attnbench.tune.states import remove_ended
from attnbench.tune.storage import storage_errors
from attnbench.tune.study import counted, has_ended
from attnbench.tune.summary import trial_summary
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import TuneSpec

TrialEnded = Callable[[TrialSummary], None]
"""Called with each trial of the study that ends, on whatever machine."""


def search(
    study: Study,
    spec: TuneSpec,
    task: Work,
    *,
    num_workers: int,
    on_trial: TrialEnded,
    on_death: Callable[[str], None],
) -> None:
    """Work off a study with workers of this machine, beside those that other machines may have set to it.

    Args:
        study: The study.
        spec: Its spec.
        task: What each worker is to do.
        num_workers: 1 works in this process; more in as many others, of which one that dies is replaced.
        on_trial: Hears of each trial that ends.
        on_death: Hears of each worker that died.

    Raises:
        TrainingError: If workers die without any trial coming to an end.
        StoreError: If the storage fails.
        KeyboardInterrupt: After Ctrl-C, when the trials in work have been put back.
    """
    with storage_errors(task.storage):
        known = {trial.number for trial in _ended(study)}

        def tell() -> int:
            ended = _ended(study)
            for trial in ended:
                if trial.number not in known:
                    known.add(trial.number)
                    on_trial(trial_summary(trial, spec))
            return len(ended)

        if num_workers == 1:
            work(task, on_ended=tell)
        else:
            run_workers(task, num_workers, spec=spec, on_poll=tell, on_death=on_death)
        remove_ended(task.checkpoints, study)


def _ended(study: Study) -> list[FrozenTrial]:
    return [trial for trial in counted(study.get_trials(deepcopy=False)) if has_ended(trial)]
