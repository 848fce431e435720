"""Calls that no signal of their process disturbs, where the process has handlers of its own."""

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")

_ANSWER_S = 0.5
"""Within which a signal is answered."""


def call_beside_signals(call: Callable[[], T]) -> T:
    """Make a call in a thread, while this one, the main thread, answers signals.

    In the main thread Lightning puts handlers of its own in the place of those that a job of SLURM or a worker of Ray
    came with: a request to terminate, of which such a job is to take no notice, would end the training, and a job that
    is to be queued again would end as if by Ctrl-C.

    Args:
        call: What is called. When a handler raises something here instead, this process ends with it in mid-call: a
            thread cannot be stopped, and what a call leaves at any moment is fit to go on from.
    """
    outcome: Future[T] = Future()
    threading.Thread(target=_call, args=(outcome, call), daemon=True).start()
    try:
        # The system may give a signal to another thread, as to a process that was stopped, and then does not wake this.
        while not outcome.done():
            wait([outcome], timeout=_ANSWER_S)
        return outcome.result()
    except BaseException as error:
        if not outcome.done():
            # Python's own end would tear torch's threads down in their work, and change the exit code by which a job
            # asks to be queued again.
            atexit.register(os._exit, _exit_code(error))
        raise


def _call(outcome: Future[T], call: Callable[[], T]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:
        outcome.set_exception(error)


def _exit_code(error: BaseException) -> int:
    code = error.code if isinstance(error, SystemExit) else 1
    return code % 256 if isinstance(code, int) else 1
