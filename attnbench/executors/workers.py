"""An executor for several long-lived processes of this machine; one that dies or hangs is replaced."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as WaitedLongEnough  # Python's own from 3.11 on
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Any, TypeVar

from attnbench.errors import WorkerDiedError
from attnbench.execution import SuiteProgress, set_progress, spoils_its_process
from attnbench.executors.memory import largest, running_short
from attnbench.executors.reasons import took_too_long
from attnbench.processes import how_it_ended, open_processes, tell_parent

T = TypeVar("T")

MOST_DEATHS = 3
"""Workers that may die in a run before it has failed."""

_WATCH_S = 1.0
_ENDING_S = 5.0


class WorkerExecutor(Executor):
    """Runs each call in one of several processes, each kept alive from call to call.

    Each process has a pool of its own, so that the death of one disturbs no other. A call whose process dies, killed
    from outside or for lack of memory, is made again in a new one; a run goes on there from its last whole epoch.
    """

    def __init__(
        self,
        num_workers: int,
        *,
        on_progress: SuiteProgress,
        on_notice: Callable[[str], None],
        run_timeout_s: float | None = None,
        environment_of: Callable[[int], Mapping[str, str]] | None = None,
        begin: Callable[[], None] | None = None,
    ) -> None:
        """Start no process yet; each is started with its first call.

        Args:
            num_workers: How many.
            on_progress: Hears of each run's progress, in a thread of this process.
            on_notice: Hears of workers that died, a sentence each.
            run_timeout_s: Seconds that a call may take; none for any number.
            environment_of: Gives the variables that a worker sets, by its number.
            begin: What each worker calls first.
        """
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._run_timeout_s = run_timeout_s
        self._environment_of = environment_of or (lambda number: {})
        self._begin = begin
        self._threads = ThreadPoolExecutor(num_workers, thread_name_prefix="attnbench-worker")
        self._of_thread = threading.local()
        self._lock = threading.Lock()
        self._workers: list[_Worker] = []
        self._numbers = list(range(num_workers))
        self._is_closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` in the next worker that is free."""
        return self._threads.submit(self._call, partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the calls in work, and end the workers."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        self._is_closing.set()
        for worker in self._opened():
            worker.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._kill_all()
        try:
            self.shutdown(cancel_futures=True)
        except BaseException:  # Ctrl-C while it waits
            self._kill_all()
            raise

    def _kill_all(self) -> None:
        """Wait for none: nobody will read what they give."""
        self._is_closing.set()
        for worker in self._opened():
            worker.kill()

    def _opened(self) -> list["_Worker"]:
        with self._lock:
            return list(self._workers)

    def _call(self, call: Callable[[], T]) -> T:
        for tries_left in reversed(range(MOST_DEATHS)):
            worker = self._worker()
            try:
                worker.wait_until_started()  # imports take seconds, which are not the call's
                if self._is_closing.is_set():  # before there was a process to be killed
                    raise CancelledError
                return self._result(worker, worker.submit(call))
            except BrokenProcessPool:
                how = worker.how_it_ended()
                self._end(worker)
            except Exception as error:
                if spoils_its_process(error):
                    self._end(worker)
                raise
            if tries_left and not self._is_closing.is_set():
                self._on_notice(f"a worker died ({how}); what it was at is tried again")
        raise WorkerDiedError(
            f"{MOST_DEATHS} worker processes died in it, the last by {how}; a smaller batch_size or fewer --workers "
            "need less memory"
        )

    def _result(self, worker: "_Worker", future: Future[T]) -> T:
        try:
            return future.result(self._run_timeout_s)
        except WaitedLongEnough:
            if future.done():  # the call's own
                raise
            assert self._run_timeout_s is not None
            self._end(worker)
            raise took_too_long(self._run_timeout_s) from None

    def _worker(self) -> "_Worker":
        """The worker of this thread."""
        worker: _Worker | None = getattr(self._of_thread, "worker", None)
        if worker is None:
            with self._lock:
                if self._is_closing.is_set():
                    raise CancelledError
                number = self._numbers.pop()
                worker = _Worker(number, self._on_progress, self._begin, self._environment_of(number))
                self._workers.append(worker)
            self._of_thread.worker = worker
        return worker

    def _end(self, worker: "_Worker") -> None:
        """End it, and make room for another one in its place."""
        worker.kill()
        worker.close()
        with self._lock:
            self._workers.remove(worker)
            self._numbers.append(worker.number)
        self._of_thread.worker = None

    def _watch(self) -> None:
        """End the largest worker when the machine's memory runs short, before the system ends something at random."""
        while not self._is_closing.wait(_WATCH_S):
            if not running_short():
                continue
            workers = {pid: worker for worker in self._opened() for pid in worker.pids()}
            if (found := largest(list(workers))) is not None:
                pid, size = found
                workers[pid].reason = f"ended since the machine's memory ran short; it held {size / 1e9:.1f} GB"
                workers[pid].kill()


class _Worker:
    """A process with a pool of its own."""

    def __init__(
        self,
        number: int,
        on_progress: SuiteProgress,
        begin: Callable[[], None] | None,
        environment: Mapping[str, str],
    ) -> None:
        self.number = number
        self.reason = ""
        self._processes: list[BaseProcess] = []
        self._stack = ExitStack()
        self._lock = threading.Lock()
        opened = open_processes(1, hear=on_progress, begin=partial(_start, begin), environment=environment)
        self._pool = self._stack.enter_context(opened)

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Begin a call; the process starts with the first one."""
        future = self._pool.submit(call)
        self._processes = list((self._pool._processes or {}).values())
        return future

    def wait_until_started(self) -> None:
        """Wait for its process."""
        if not self._processes:
            self.submit(os.getpid).result()

    def pids(self) -> list[int]:
        """Its process, once it is started."""
        return [process.pid for process in self._processes if process.pid is not None]

    def kill(self) -> None:
        """End its process in the midst of its work."""
        for process in self._processes:
            process.kill()

    def close(self) -> None:
        """Wait for the process to end."""
        with self._lock:
            self._stack.close()

    def how_it_ended(self) -> str:
        """What became of the process."""
        deadline = time.monotonic() + _ENDING_S
        for process in self._processes:
            process.join(_ENDING_S)
            # If the pool has waited for it at the same moment, its exit code is seen here a little later.
            while process.exitcode is None and time.monotonic() < deadline:
                time.sleep(0.01)
        return self.reason or ", ".join(how_it_ended(process.exitcode) for process in self._processes)


def _start(begin: Callable[[], None] | None) -> None:
    set_progress(tell_parent)
    if begin is not None:
        begin()
