"""Several workers on one machine, each in a process of its own; one that dies is replaced."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from attnbench.errors import AttnBenchError, TrainingError
from attnbench.executors.devices import gpu_environment
from attnbench.exit_codes import INTERRUPTED
from attnbench.held_signals import held_back, let_through
from attnbench.plugins import import_plugins
from attnbench.processes import die_with_parent, how_it_ended
from attnbench.tune.retrying import MOST_DEATHS
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import TuneSpec

_POLL_S = 0.5
_STOPPING_S = 30

_ENDED_WELL, _FAILED = 0, 1


def run_workers(
    task: Work,
    num_workers: int,
    *,
    spec: TuneSpec,
    on_poll: Callable[[], int],
    on_death: Callable[[str], None],
) -> None:
    """Work off a study in so many processes.

    Args:
        task: What each is to do.
        num_workers: Processes.
        spec: What is searched.
        on_poll: Called twice a second; returns how many trials have ended so far.
        on_death: Hears of each worker that died, and how, and of the end after Ctrl-C.

    Raises:
        TrainingError: If workers die without any trial coming to an end, or one cannot work at all.
        KeyboardInterrupt: After Ctrl-C, when the workers have put their trials back.
    """
    context = multiprocessing.get_context("spawn")
    processes: dict[int, BaseProcess] = {}

    def start(number: int) -> None:
        # Found out here: a process that has asked for GPUs no longer heeds which of them it may use.
        environment = dict(gpu_environment(number, spec.run.compute))
        arguments = (task, number, environment, spec.imports)
        process = context.Process(target=_work, args=arguments, name=f"worker {number}")
        with held_back():
            process.start()
            processes[number] = process

    # More than it takes to give up the trials that kill them, so that the study goes on without these.
    most_deaths = 2 * (MOST_DEATHS + 1) * num_workers
    deaths, ended_before = 0, on_poll()
    try:
        for number in range(num_workers):
            start(number)
        while processes:
            wait([process.sentinel for process in processes.values()], timeout=_POLL_S)
            ended = on_poll()
            deaths, ended_before = (0, ended) if ended > ended_before else (deaths, ended_before)
            for number, process in list(processes.items()):
                if process.is_alive():
                    continue
                del processes[number]
                if process.exitcode == _ENDED_WELL:
                    continue
                if process.exitcode == _FAILED:
                    raise TrainingError(f"{process.name} cannot work; its error is above")
                deaths += 1
                on_death(f"{process.name} died ({_how(process.exitcode)}); what it was at is tried again")
                if deaths >= most_deaths:
                    raise TrainingError(
                        f"{deaths} workers died and no trial came to an end between, for lack of memory perhaps; the "
                        "same command goes on from what is in the storage, with --workers 1 in the least memory"
                    )
                start(number)
    except KeyboardInterrupt:
        on_death("Stopping: the trials in work are put back. Ctrl-C again ends at once.")
        _stop(list(processes.values()))
        raise
    except BaseException:
        for process in processes.values():
            process.kill()
        raise
    on_poll()


def _stop(processes: list[BaseProcess]) -> None:
    """Let the workers put their trials back, and kill those that take too long; a second Ctrl-C kills them at once."""
    try:
        for process in processes:
            # From a terminal Ctrl-C reaches them by itself; from elsewhere it may have reached this process only.
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, signal.SIGINT)
        for process in processes:
            process.join(timeout=_STOPPING_S)
    finally:
        for process in processes:
            process.kill()


def _work(task: Work, number: int, environment: dict[str, str], imports: tuple[str, ...]) -> None:
    os.environ.update(environment)
    threading.Thread(target=die_with_parent, daemon=True).start()
    try:
        let_through()
        import_plugins(imports)
        work(task, worker=number)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except AttnBenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(_FAILED)


def _how(exit_code: int | None) -> str:
    return "interrupted" if exit_code == INTERRUPTED else how_it_ended(exit_code)
