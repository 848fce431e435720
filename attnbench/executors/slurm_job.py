"""What runs in a job of SLURM: the call of a run, which goes on where it was when the job is queued again."""

import contextlib
import pickle
import time
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cloudpickle
import submitit

from attnbench.errors import TrainingError
from attnbench.executors.beside_signals import call_beside_signals

_BETWEEN_WORDS_S = 2.0
_SUFFIX = ".progress"


@dataclass(frozen=True)
class Ended:
    """How a call has ended. Submitit itself would give of an exception its text only."""

    result: Any = None
    """What it gave."""
    error: BaseException | None = None
    """What it raised."""


@dataclass(frozen=True)
class JobCall:
    """A call as submitit takes it."""

    pickled: bytes
    """What is called. It is unpickled late: that imports torch, and until submitit has unpickled all, a job does not
    answer signals."""
    folder: Path
    """Folder of the jobs."""

    def __call__(self) -> Ended:
        """Make the call in the job that this is."""
        told = _ToldInFile(progress_file(self.folder, submitit.JobEnvironment().job_id))
        return call_beside_signals(partial(_end_of, self.pickled, told))

    def checkpoint(self) -> submitit.helpers.DelayedSubmission:
        """What is done when the job is queued again: the same, since a run knows where it was."""
        return submitit.helpers.DelayedSubmission(self)


def progress_file(folder: Path, job_id: str) -> Path:
    """Where a job tells how far it is."""
    return folder / f"{job_id}{_SUFFIX}"


def read_progress(file: Path) -> tuple[str, str, int, int] | None:
    """What `SuiteProgress` takes, as a job has told it last; none if it has not yet."""
    try:
        run_digest, phase, done, total = file.read_text(encoding="utf-8").split()
        return run_digest, phase, int(done), int(total)
    except (OSError, ValueError):  # there is none yet, or the job is at writing it
        return None


class _ToldInFile:
    """Tells of a run's progress in a file, seldom enough for a file system that thousands share."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.phase = ""
        self.told_at = 0.0

    def __call__(self, run_digest: str, phase: str, done: int, total: int) -> None:
        if phase == self.phase and time.monotonic() - self.told_at < _BETWEEN_WORDS_S:
            return
        self.phase, self.told_at = phase, time.monotonic()
        with contextlib.suppress(OSError):  # a full disk must not cost the run
            self.file.write_text(f"{run_digest} {phase} {done} {total}\n", encoding="utf-8")


def _end_of(pickled: bytes, told: _ToldInFile) -> Ended:
    try:
        from attnbench.execution import set_progress

        set_progress(told)
        return Ended(cloudpickle.loads(pickled)())
    except Exception as error:
        traceback.print_exc()  # into the job's log
        return Ended(error=_sendable(error))


def _sendable(error: Exception) -> Exception:
    """An exception, or its words where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return TrainingError(f"{type(error).__name__}: {error}")
    return error
