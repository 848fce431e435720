"""Calls for executors whose workers are other processes, which import this file."""

import os
import signal
import time
from pathlib import Path

from attnbench.errors import DivergedError
from attnbench.execution import tell_progress


def pid_after(seconds: float) -> int:
    """Tell of progress, and say which process this is."""
    time.sleep(seconds)
    tell_progress("run", "train", 1, 2)
    return os.getpid()


def begin_and_wait(folder: Path) -> None:
    """Leave word of this process, and go on until it is ended."""
    (folder / str(os.getpid())).touch()
    time.sleep(1000)


def die_until(folder: Path, deaths: int, signal_number: int, lingers_s: float = 60) -> int:
    """Die so many times, and come to an end after that."""
    if (done := len(list(folder.iterdir()))) == deaths:
        return done
    (folder / str(done)).touch()
    time.sleep(0.5)
    os.kill(os.getpid(), signal.Signals(signal_number))
    time.sleep(lingers_s)
    raise AssertionError


def diverge() -> None:
    """Fail as a training may."""
    raise DivergedError("the loss is nan", loss="training loss", value="nan", step=3, epoch=1, curve=())


def span(seconds: float) -> tuple[float, float]:
    """When this has begun, and ended."""
    begun = time.monotonic()
    time.sleep(seconds)
    return begun, time.monotonic()


def most_at_once(spans: list[tuple[float, float]]) -> int:
    """How many of them overlap, on the clock of one machine."""
    return max(sum(begun <= moment < ended for begun, ended in spans) for moment, _ in spans)
