"""What is said of jobs by what they leave."""

import pickle
from pathlib import Path

import pytest
from submitit.local.local import LocalJob

from attnbench.errors import RunTimeoutError, WorkerDiedError
from attnbench.executors.slurm_ends import end_by_result


@pytest.mark.parametrize(
    ("left", "why"),
    [
        (b"cno_such_module\nName\n.", "ModuleNotFoundError: No module named 'no_such_module'"),
        (b"garbage", "UnpicklingError: "),
    ],
)
def test_a_result_that_cannot_be_read_is_the_failure_of_its_job(tmp_path: Path, left: bytes, why: str) -> None:
    error = end_by_result(job_that_left(left, tmp_path), run_timeout_s=None).error
    assert isinstance(error, WorkerDiedError)
    assert str(error).startswith(f"the result of the job 7 cannot be read: {why}")


@pytest.mark.parametrize(
    ("run_timeout_s", "said"),
    [
        (None, "the job 7 reached its time limit, or was pre-empted near its end, too often; the same command"),
        (3, "it took longer than 3 s, or was pre-empted near its end, and was ended; with a longer --run-timeout"),
    ],
)
def test_a_time_out_may_have_been_a_pre_emption(tmp_path: Path, run_timeout_s: float | None, said: str) -> None:
    left = pickle.dumps(("error", "UncompletedJobError: Job not requeued because: timed-out too many times."))
    error = end_by_result(job_that_left(left, tmp_path), run_timeout_s=run_timeout_s).error
    assert isinstance(error, RunTimeoutError)
    assert str(error).startswith(said)


def job_that_left(content: bytes, folder: Path) -> LocalJob[object]:
    """A job of submitit's that has ended with this for a result."""
    job: LocalJob[object] = LocalJob(folder, "7")
    job.paths.result_pickle.write_bytes(content)
    return job
