"""A request to terminate, answered as Ctrl-C is: what is recorded stays, and no process is left behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def termination_as_interrupt() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt at a request to terminate, where nobody else answers it.

    Yields:
        The requests so far.
    """
    requests: list[int] = []
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield requests
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield requests
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
