"""How jobs of SLURM have ended."""

import contextlib
import subprocess
from pathlib import Path
from typing import Any

from submitit.core.utils import UncompletedJobError

from attnbench.errors import RunTimeoutError, WorkerDiedError
from attnbench.executors.slurm_job import Ended
from attnbench.report.numbers import duration

_ANSWER_S = 60.0


def jobs_in_queue() -> set[str] | None:
    """The user's jobs that wait or run, those that are queued again among them; none if SLURM does not answer.

    Submitit asks SLURM's accounting, which many a cluster does without.
    """
    command = ["squeue", "--me", "--noheader", "--array", "--format=%i"]
    try:
        asked = subprocess.run(command, capture_output=True, check=True, text=True, timeout=_ANSWER_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return set(asked.stdout.split())


def end_by_result(job: Any, *, run_timeout_s: float | None) -> Ended:
    """What a job's file says of its end.

    Args:
        job: Submitit's.
        run_timeout_s: Seconds that the run was given; none if they were those of the job.
    """
    try:
        ended: Ended = job.result()
    except UncompletedJobError as error:
        if "timed-out" not in str(error):
            return Ended(error=WorkerDiedError(f"the job {job.job_id} failed beside its run; its log: {_log(job)}"))
        return Ended(error=_timed_out(job, run_timeout_s))
    except Exception as error:  # unpickling may raise anything, which is this job's failure and no other's
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return Ended(error=WorkerDiedError(f"the result of the job {job.job_id} cannot be read: {said}"))
    return ended


def end_without_result(job: Any) -> Ended:
    """The end of a job that was cancelled, killed for its memory, or lost with its node."""
    return Ended(error=WorkerDiedError(f"the job {job.job_id} ended without a result; its log: {_log(job)}"))


def tidy_up(job: Any, progress: Path) -> None:
    """Leave a job's logs, and nothing that is read no more."""
    for file in (progress, job.paths.result_pickle, job.paths.submitted_pickle):
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)


def _timed_out(job: Any, run_timeout_s: float | None) -> RunTimeoutError:
    """Why submitit has ended a job, which takes a pre-emption in a job's last fifth for the end of its time."""
    if run_timeout_s is not None:
        return RunTimeoutError(
            f"it took longer than {duration(run_timeout_s)}, or was pre-empted near its end, and was ended; with a "
            "longer --run-timeout it goes on from its last whole epoch"
        )
    return RunTimeoutError(
        f"the job {job.job_id} reached its time limit, or was pre-empted near its end, too often; the same command "
        "goes on from its last whole epoch, and --executor-set timeout_min=N gives it longer"
    )


def _log(job: Any) -> Path:
    """Where a job has written what went wrong."""
    errors: Path = job.paths.stderr
    return errors
