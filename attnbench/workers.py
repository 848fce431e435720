"""Executors for the runs of a suite: in this process, or in long-lived processes of this machine."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from attnbench.execution import SuiteProgress, set_progress
from attnbench.processes import open_processes, tell_parent
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
    """One worker for the GPUs; else as many single runs as the CPU's cores have threads for."""
    if has_gpu:
        return 1
    return max(1, min(num_cores() // (compute.threads * compute.devices), num_runs))


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
    begin = partial(set_progress, tell_parent)
    with open_processes(num_workers, imports=imports, hear=on_progress, begin=begin) as pool:
        yield pool
