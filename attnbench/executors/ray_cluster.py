"""An executor for a Ray cluster. Ray places the runs, tries those again whose worker or node is lost, and shows all."""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import ray

from attnbench.errors import ExecutorError, WorkerDiedError
from attnbench.execution import SuiteProgress
from attnbench.executors.ray_board import BEGUN, open_board
from attnbench.executors.ray_connection import connected
from attnbench.executors.ray_errors import reason_of
from attnbench.executors.ray_settings import as_remote, asked_of_ray, fits_a_node, in_words, settings_from
from attnbench.executors.ray_worker import call_on_cluster
from attnbench.executors.reasons import took_too_long
from attnbench.spec import Compute
from attnbench.variant import Scalar

T = TypeVar("T")

_LISTEN_S = 0.5
_ANSWER_S = 30.0
_DEFAULT_MAX_RETRIES = 3


class RayExecutor(Executor):
    """Makes each call a task of a Ray cluster, in a worker that Ray keeps from call to call.

    A call whose worker or node is lost is made again by Ray; a run goes on there from its last whole epoch, if its
    store lies in a folder that all nodes share.
    """

    def __init__(
        self,
        *,
        compute: Compute,
        on_progress: SuiteProgress,
        on_notice: Callable[[str], None],
        workers: int | None = None,
        run_timeout_s: float | None = None,
        settings: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Connect to the cluster.

        Args:
            compute: What each call uses.
            on_progress: Hears of each run's progress, in a thread of this process.
            on_notice: Hears of the dashboard and of lost workers, a sentence each.
            workers: Calls at once; none leaves it to Ray.
            run_timeout_s: Seconds that a call may take from its own beginning; none for any number.
            settings: What a user tells Ray besides; see `attnbench.executors.ray_settings`.

        Raises:
            SpecError: If Ray does not take a setting.
            ExecutorError: If there is no cluster at the address.
        """
        of_user = settings_from(settings or {})
        self._on_progress = on_progress
        self._on_notice = on_notice
        self._workers = workers
        self._run_timeout_s = run_timeout_s
        self._numbers = iter(range(2**63))
        self._waiting: deque[_Call] = deque()
        self._begun: dict[int, _Call] = {}
        self._ended: queue.SimpleQueue[tuple[int, Future[Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self._folder = str(Path.cwd())
        with contextlib.ExitStack() as stack:
            stack.enter_context(connected(of_user.address, on_notice))
            asked = asked_of_ray(of_user, compute, has_gpus="GPU" in ray.cluster_resources())
            self._task = as_remote(call_on_cluster, asked)
            self._max_retries = asked.get("max_retries", _DEFAULT_MAX_RETRIES)
            self._share = float(asked["num_gpus"])
            if not fits_a_node(asked):
                on_notice(f"no node of the Ray cluster has {in_words(asked)}; the runs wait until one joins")
            self._board = open_board()
            stack.callback(ray.kill, self._board)
            self._stack = stack.pop_all()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` on the cluster."""
        with self._lock:
            if self._is_closed:
                raise RuntimeError("this executor is shut down")
            call = _Call(next(self._numbers), partial(fn, *args, **kwargs))
            self._waiting.append(call)
        self._begin()
        return call.future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for the calls in work, and leave the cluster; it always waits."""
        with self._lock:
            self._is_closed = True
            open_calls = [*self._waiting, *self._begun.values()]
            given_up = list(self._waiting) if cancel_futures else []
        for call in given_up:
            call.future.cancel()
        # One that is cancelled before it begins would be waited for in vain.
        wait_for(call.future for call in open_calls if not call.future.done())
        self._ended.put(None)
        self._keeper.join()
        self._stack.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            # Nobody will read what they give, so none is waited for.
            with self._lock:
                self._is_closed = True
                waiting, self._waiting = self._waiting, deque()
                begun, self._begun = self._begun, {}
            for call in waiting:
                call.future.cancel()
            for call in begun.values():
                self._end_early(call, CancelledError())
                if not call.future.done():
                    call.future.set_exception(CancelledError())
        self.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        """Hand over to Ray what may begin."""
        while True:
            with self._lock:
                if not self._waiting or (self._workers is not None and len(self._begun) >= self._workers):
                    return
                call = self._waiting.popleft()
                if not call.future.set_running_or_notify_cancel():
                    continue
                self._begun[call.number] = call
            call.task = self._task.remote(call.number, call.call, self._folder, self._share, self._board)
            call.task.future().add_done_callback(partial(self._note_end, call.number))

    def _note_end(self, number: int, done: Future[Any]) -> None:
        # In a thread of Ray's, which must not wait for Ray.
        self._ended.put((number, done))

    def _keep(self) -> None:
        try:
            self._listen()
        except Exception as error:  # else whoever waits for a call would do so for ever
            said = " ".join(f"{type(error).__name__}: {error}".split())
            reason = ExecutorError(f"the runs on the Ray cluster can no longer be followed: {said}")
            with self._lock:
                calls = [*self._waiting, *self._begun.values()]
            for call in calls:
                if not call.future.done():
                    call.future.set_exception(reason)

    def _listen(self) -> None:
        """Pass on what the cluster tells."""
        heard_at = time.monotonic()
        while True:
            with contextlib.suppress(queue.Empty):
                end = self._ended.get(timeout=_LISTEN_S)
                if end is None:
                    return
                self._hear()  # a run's progress is not told after its end
                self._end(*end)
            if time.monotonic() - heard_at > _LISTEN_S:
                heard_at = time.monotonic()
                self._hear()
                self._look_at_the_clock()

    def _hear(self) -> None:
        try:
            words = ray.get(self._board.fetch.remote(), timeout=_ANSWER_S)
        except ray.exceptions.RayError:
            return  # Ray starts it again
        for kind, *word in words:
            if kind == BEGUN:
                self._hear_beginning(*word)
            else:
                self._on_progress(*word)

    def _hear_beginning(self, number: int, node: str) -> None:
        call = self._begun.get(number)
        if call is None:
            return
        call.begun_at.append(time.monotonic())
        lost = len(call.begun_at) - 1
        if lost == 0:
            return
        self._on_notice(f"a worker or its node was lost; what it was at goes on on the node {node}")
        if -1 < self._max_retries < lost:  # Ray would try for ever what its monitor of memory ends
            reason = f"{lost} workers were lost in it; a smaller batch_size needs less memory"
            self._end_early(call, WorkerDiedError(reason))

    def _look_at_the_clock(self) -> None:
        if self._run_timeout_s is None:
            return
        for call in list(self._begun.values()):
            if call.begun_at and time.monotonic() - call.begun_at[-1] > self._run_timeout_s:
                self._end_early(call, took_too_long(self._run_timeout_s))

    def _end_early(self, call: "_Call", reason: BaseException) -> None:
        if call.reason is None:
            call.reason = reason
            if call.task is not None:
                ray.cancel(call.task, force=True)

    def _end(self, number: int, done: Future[Any]) -> None:
        with self._lock:
            call = self._begun.pop(number, None)
        if call is None:  # nobody waits for it any more
            return
        error = call.reason or reason_of(done.exception())
        if error is not None:
            call.future.set_exception(error)
        else:
            call.future.set_result(done.result())
        self._begin()


@dataclass(eq=False)
class _Call:
    """A call and what has become of it."""

    number: int
    """Its place among all."""
    call: Callable[[], Any]
    """What is called."""
    future: Future[Any] = field(default_factory=Future)
    """What whoever submitted it holds."""
    task: Any = None
    """Ray's reference, once it has been handed over."""
    begun_at: list[float] = field(default_factory=list)
    """When it has begun, each time that it was tried."""
    reason: BaseException | None = None
    """Why this process has ended it."""
