"""The states of unfinished trainings: files in a folder, one for each seed of a trial."""

from pathlib import Path

from optuna.study import Study

from attnbench.spec import RunSpec, digest
from attnbench.tune.study import counted, first_attempt, has_ended


def state_file(folder: Path, trial: int, run: RunSpec) -> Path:
    """Where the state of a training is kept.

    Args:
        folder: Folder of the states of a study.
        trial: Number of the trial's first attempt, so that the next ones find it.
        run: What is trained.
    """
    return folder / f"trial-{trial}-{digest(run)}.ckpt"


def remove_ended(folder: Path, study: Study) -> None:
    """Remove the states of trials that have ended elsewhere: on another machine, or by the death of all their workers.

    Args:
        folder: Folder of the states of a study.
        study: The study.
    """
    trials = counted(study.get_trials(deepcopy=False))
    unfinished = {first_attempt(trial) for trial in trials if not has_ended(trial)}
    for file in folder.glob("trial-*-*"):
        if int(file.name.split("-")[1]) not in unfinished:
            file.unlink(missing_ok=True)
