"""Ctrl-C in a worker: heard once."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ONE_S = 5.0
"""Interrupts within so many seconds are one: the terminal's and the parent's."""


@contextmanager
def one_interrupt() -> Iterator[None]:
    """Raise KeyboardInterrupt once where Ctrl-C comes twice, so that the second does not stop what the first began."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    last = -_ONE_S

    def once(number: int, frame: FrameType | None) -> None:
        nonlocal last
        is_same = time.monotonic() - last < _ONE_S
        last = time.monotonic()
        if not is_same:
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
