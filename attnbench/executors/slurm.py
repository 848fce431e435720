"""An executor for SLURM, by submitit. SLURM places the runs and queues those again that it pre-empts."""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import cloudpickle

from attnbench.errors import ExecutorError
from attnbench.execution import SuiteProgress
from attnbench.executors.devices import default_num_workers
from attnbench.executors.slurm_ends import end_by_result, end_without_result, jobs_in_queue, tidy_up
from attnbench.executors.slurm_job import JobCall, progress_file, read_progress
from attnbench.executors.slurm_settings import open_submitit, settings_from
from attnbench.spec import Compute
from attnbench.variant import Scalar

T = TypeVar("T")

MOST_IN_AN_ARRAY = 1000
"""Jobs of one array; SLURM as it comes takes one more."""

_COLLECTED_S = 0.5
_POLL_S = {"slurm": 5.0, "local": 0.5}
_ASK_S = 30.0
_TIMES_GONE = {"slurm": 3, "local": 2}
"""Looks after which a job that is gone has failed: what it has left on another node may be seen late."""
_ENDING_S = 10.0


class SlurmExecutor(Executor):
    """Makes each call a job; calls that are submitted within a moment are one array of jobs.

    A job that is pre-empted or reaches its time limit is queued again, and its run goes on from its last whole epoch.
    Jobs do not need this process: what it no longer waits for is recorded in the store all the same.
    """

    def __init__(
        self,
        folder: Path,
        *,
        compute: Compute,
        on_progress: SuiteProgress,
        on_notice: Callable[[str], None],
        workers: int | None = None,
        run_timeout_s: float | None = None,
        settings: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Submit nothing yet.

        Args:
            folder: Where jobs leave their logs; all nodes share it.
            compute: What each call uses.
            on_progress: Hears of each run's progress, in a thread of this process.
            on_notice: Hears of the jobs' number, in a sentence.
            workers: Jobs at once; none leaves it to SLURM, and on this machine to its cores.
            run_timeout_s: Seconds that a call may take; none leaves it to the time limit of a job.
            settings: What a user tells submitit besides; see `attnbench.executors.slurm_settings`.

        Raises:
            SpecError: If submitit does not take a setting, or there is no SLURM.
        """
        self._logs = folder
        self._folder = folder.absolute()
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._run_timeout_s = run_timeout_s
        of_user = settings_from(settings or {}, compute, run_timeout_s=run_timeout_s)
        self._cluster = of_user.cluster
        self._executor = open_submitit(of_user, self._folder)
        self._at_once = workers or MOST_IN_AN_ARRAY
        if self._cluster == "local" and workers is None:
            self._at_once = default_num_workers(compute, num_runs=MOST_IN_AN_ARRAY)
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._submitted: list[_Call] = []
        self._collected_at = self._looked_at = self._asked_at = 0.0
        self._is_told = False
        self._is_closed = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in a job, which is submitted together with those that follow within a moment."""
        call = _Call(JobCall(cloudpickle.dumps(partial(fn, *args, **kwargs)), self._folder))
        with self._lock:
            if self._is_closed.is_set():
                raise RuntimeError("this executor is shut down")
            self._waiting.append(call)
            self._collected_at = time.monotonic()
        return call.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the calls in work; it always waits."""
        with self._lock:
            open_calls = [*self._waiting, *self._submitted]
            given_up = list(self._waiting) if cancel_futures else []
        for call in given_up:
            call.future.cancel()
        # One that is cancelled before it begins would be waited for in vain.
        wait_for(call.future for call in open_calls if not call.future.done())
        self._is_closed.set()
        self._keeper.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Nobody will read what they give, so none is waited for.
            try:
                self._is_closed.set()
                self._keeper.join()
            finally:  # also at a second Ctrl-C
                self._cancel_jobs()
        self.shutdown(cancel_futures=True)

    def _keep(self) -> None:
        """Submit what is collected, and pass on what jobs tell."""
        try:
            while not self._is_closed.wait(_COLLECTED_S):
                self._submit_collected()
                if time.monotonic() - self._looked_at >= _POLL_S[self._cluster]:
                    self._looked_at = time.monotonic()
                    self._look_at_jobs()
        except Exception as error:  # else whoever waits for a call would do so for ever
            said = " ".join(f"{type(error).__name__}: {error}".split())
            unforeseen = ExecutorError(f"the jobs can no longer be followed: {said}")
            reason = error if isinstance(error, ExecutorError) else unforeseen
            for call in (*self._waiting, *self._submitted):
                if not call.future.done():
                    call.future.set_exception(reason)

    def _submit_collected(self) -> None:
        with self._lock:
            if not self._waiting or time.monotonic() - self._collected_at < _COLLECTED_S:
                return
            # Submitit's own stand-in for SLURM has no queue, and would start all at once.
            most = len(self._waiting) if self._cluster == "slurm" else self._at_once - len(self._submitted)
            collected, self._waiting = self._waiting[:most], self._waiting[most:]
            calls = [call for call in collected if call.future.set_running_or_notify_cancel()]
            self._submitted += calls
        arrays = [calls[first : first + MOST_IN_AN_ARRAY] for first in range(0, len(calls), MOST_IN_AN_ARRAY)]
        for array in arrays:
            self._submit_array(array, at_once=max(1, self._at_once // len(arrays)))

    def _submit_array(self, calls: Sequence["_Call"], *, at_once: int) -> None:
        try:
            self._executor.update_parameters(slurm_array_parallelism=at_once)
            with self._executor.batch():
                jobs = [self._executor.submit(call.call) for call in calls]
        except (OSError, RuntimeError) as error:
            raise ExecutorError(f"the jobs cannot be submitted: {' '.join(str(error).split())}") from error
        for call, job in zip(calls, jobs, strict=True):
            call.job = job
        if not self._is_told:
            self._is_told = True
            where = f"the job {_whole(jobs[0].job_id)} of SLURM" if self._cluster == "slurm" else "jobs on this machine"
            self._on_notice(f"the runs are submitted as {where}; logs of the jobs: {self._logs}")

    def _look_at_jobs(self) -> None:
        gone = self._gone()
        for call in list(self._submitted):
            if gone is not None:
                call.times_gone = call.times_gone + 1 if call in gone else 0
            end = None
            if call.job.paths.result_pickle.exists():
                end = end_by_result(call.job, run_timeout_s=self._run_timeout_s)
            elif call.times_gone >= _TIMES_GONE[self._cluster]:
                end = end_without_result(call.job)
            told = read_progress(progress_file(self._folder, call.job.job_id))
            if told not in (None, call.told):
                call.told = told
                self._on_progress(*told)
            if end is None:
                continue
            with self._lock:
                self._submitted.remove(call)
            tidy_up(call.job, progress_file(self._folder, call.job.job_id))
            if end.error is not None:
                call.future.set_exception(end.error)
            else:
                call.future.set_result(end.result)

    def _gone(self) -> Collection["_Call"] | None:
        """The calls whose jobs are no more; none where nobody was asked."""
        if self._cluster == "local":
            return [call for call in self._submitted if call.job.done()]
        if not self._submitted or time.monotonic() - self._asked_at < _ASK_S:
            return None
        self._asked_at = time.monotonic()
        queue = jobs_in_queue()
        return None if queue is None else [call for call in self._submitted if call.job.job_id not in queue]

    def _cancel_jobs(self) -> None:
        jobs = [call.job for call in self._submitted if call.job is not None]
        # One word to SLURM for a whole array.
        for job in {_whole(job.job_id): job for job in jobs}.values():
            whole = job if self._cluster == "local" else type(job)(self._folder, _whole(job.job_id))
            with contextlib.suppress(OSError):
                whole.cancel(check=False)
        for call in self._submitted:
            if not call.future.done():
                call.future.set_exception(CancelledError())
        deadline = time.monotonic() + _ENDING_S
        while self._cluster == "local" and time.monotonic() < deadline and not all(job.done() for job in jobs):
            time.sleep(0.1)


@dataclass(eq=False)
class _Call:
    """A call and what has become of it."""

    call: JobCall
    """What is called."""
    future: Future[Any] = field(default_factory=Future)
    """What whoever submitted it holds."""
    job: Any = None
    """Submitit's job, once there is one."""
    told: tuple[Any, ...] | None = None
    """What it has told last of its progress."""
    times_gone: int = 0
    """How often in succession its job was no more, and had left nothing."""


def _whole(job_id: str) -> str:
    """The number of the array that a job is of.

    >>> _whole("4711_3"), _whole("4711")
    ('4711', '4711')
    """
    return job_id.partition("_")[0]
