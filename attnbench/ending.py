"""How a program ends whose output may have nobody left to read it."""

import contextlib
import os
import select
import sys
from typing import NoReturn, TextIO


def is_read(stream: TextIO | None) -> bool:
    """Whether the program at the other end of a pipe is still there; of what is no pipe, always."""
    try:
        waiting = select.poll()
        waiting.register(stream.fileno(), 0)  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # closed, not a file, or no system with pipes of this kind
        return True
    return not any(events & select.POLLERR for _, events in waiting.poll(0))


def flushed(status: int) -> int:
    """The exit code of a program once its output is out: 1 for 0 if whoever read it had enough, such as `head`."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except BrokenPipeError:
        silence()
        return status or 1
    return status


def silence() -> None:
    """Let standard output go nowhere, or Python would flush it once more at its end, and say that it cannot."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def end_at_once(status: int) -> NoReturn:
    """End this process without what Python does at its regular end, but for its output."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed, or whoever read it is gone
            stream.flush()
    os._exit(status)
