"""Processes of this machine that work for this one: they tell it of their progress, and none outlives it."""

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from attnbench.errors import TrainingError
from attnbench.held_signals import held_back, let_through

T = TypeVar("T")
_Events: TypeAlias = "Queue[tuple[Any, ...] | None]"


@contextlib.contextmanager
def open_processes(
    number: int,
    *,
    hear: Callable[..., None],
    begin: Callable[[], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes; when it is left by an exception, they are killed in the midst of their work.

    Args:
        number: How many.
        hear: Called in this process, in a thread, with what any of them gives to `tell_parent`.
        begin: What each process calls first.
        environment: Variables that each process sets before anything else.
    """
    context = multiprocessing.get_context("spawn")
    events: _Events = context.Queue()
    # A process that is killed while it tells something leaves the queue locked; this one must not wait for it to end.
    events.cancel_join_thread()
    listener = threading.Thread(target=_listen, args=(events, hear), daemon=True)
    listener.start()
    pool = _Pool(number, context, initializer=_start, initargs=(events, begin, environment or {}))
    try:
        yield pool
    except GeneratorExit:
        # It was never left, and is dropped as Python ends, which starts no thread any more: nothing is waited for.
        _kill(pool)
        raise
    except BaseException:
        _kill(pool)
        _close(pool, events, listener)
        raise
    _close(pool, events, listener)


class _Pool(ProcessPoolExecutor):
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Start a process if need be, which hears no signal before `_start` has said what it does about it."""
        with held_back():
            return super().submit(fn, *args, **kwargs)


def _kill(pool: ProcessPoolExecutor) -> None:
    """Do not wait for runs whose results nobody will read."""
    for process in list((pool._processes or {}).values()):
        # Lightning makes of a request to terminate the end of the run, after which the pool would begin the next one.
        process.kill()


def _close(pool: ProcessPoolExecutor, events: _Events, listener: threading.Thread) -> None:
    pool.shutdown(wait=True, cancel_futures=True)
    events.put(None)
    listener.join(timeout=5)


def tell_parent(*event: object) -> None:
    """Let the process that opened this one hear of something."""
    assert _events is not None
    _events.put(event)


def die_with_parent() -> None:
    """A pool's processes outlive a parent that is killed; they would train on for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def sendable(error: Exception) -> Exception:
    """An exception, or its words where another process could not make it again, as many of users' own."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return TrainingError(f"{type(error).__name__}: {error}")
    return error


def how_it_ended(exit_code: int | None) -> str:
    """The signal or the exit code by which a process has ended, in words."""
    if exit_code is None:
        return "no exit code"
    return signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"


_events: "Queue[tuple[Any, ...] | None] | None" = None


def _listen(events: _Events, hear: Callable[..., None]) -> None:
    while (event := events.get()) is not None:
        hear(*event)


def _start(events: _Events, begin: Callable[[], None] | None, environment: Mapping[str, str]) -> None:
    global _events
    os.environ.update(environment)
    # Both may reach a whole group; the parent decides what becomes of its processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    let_through()
    _be_ended_first()
    threading.Thread(target=die_with_parent, daemon=True).start()
    _events = events
    if begin is not None:
        begin()


def _be_ended_first() -> None:
    """Where memory runs out, Linux is to end this process and not its parent, which can start another one."""
    with contextlib.suppress(OSError):  # elsewhere there is no such file
        Path("/proc/self/oom_score_adj").write_text("1000")
