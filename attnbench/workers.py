"""Executors for the runs of a suite: in this process, or in long-lived processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.queues import Queue
from typing import Any, TypeVar

from attnbench.execution import SuiteProgress, set_progress
from attnbench.plugins import import_plugins
from attnbench.spec import Compute
from attnbench.training import num_cores

T = TypeVar("T")


class InProcessExecutor(Executor):
    """Runs each call at once, in this process."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` and return its result or exception as a finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def default_num_workers(compute: Compute, *, has_gpu: bool, num_runs: int) -> int:
    """One worker for a GPU; else as many single runs as the CPU's cores have threads for."""
    if has_gpu:
        return 1
    return max(1, min(num_cores() // compute.threads, num_runs))


@contextmanager
def open_executor(num_workers: int, *, imports: tuple[str, ...], on_progress: SuiteProgress) -> Iterator[Executor]:
    """An executor of so many workers, whose runs report to `on_progress`.

    Args:
        num_workers: 1 runs in this process; more in as many others, each kept alive from run to run.
        imports: Users' files that each worker imports first.
        on_progress: Hears of each run's progress, in this process.
    """
    if num_workers == 1:
        set_progress(on_progress)
        yield InProcessExecutor()
        return
    context = multiprocessing.get_context("spawn")
    events: Queue[tuple[str, str, int, int] | None] = context.Queue()
    listener = threading.Thread(target=_listen, args=(events, on_progress), daemon=True)
    listener.start()
    pool = ProcessPoolExecutor(num_workers, context, initializer=_start_worker, initargs=(events, imports))
    try:
        yield pool
    except BaseException:
        # Do not wait for runs whose results nobody will read. Killed, since Lightning makes of a request to
        # terminate the end of the run, after which the pool would begin the next one.
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        events.put(None)
        listener.join(timeout=5)


def _listen(events: "Queue[tuple[str, str, int, int] | None]", on_progress: SuiteProgress) -> None:
    while (event := events.get()) is not None:
        on_progress(*event)


def _start_worker(events: "Queue[tuple[str, str, int, int] | None]", imports: tuple[str, ...]) -> None:
    # Ctrl-C reaches the whole terminal group; the parent decides what becomes of the workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    set_progress(lambda *event: events.put(event))
    import_plugins(imports)


def die_with_parent() -> None:
    """A pool's workers outlive a parent that is killed; they would train on for nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
