"""A command that is stopped at random moments and started again, until it has come to its end."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""What ends a command: the system or its memory, a queue or a shutdown, a user."""

_CODES = {signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGINT: 128 + signal.SIGINT}
_ENDING_S = 60.0
_LONGEST_S = 1800.0


@dataclass(kw_only=True)
class Told:
    """What a stopped command should not have done."""

    moments: dict[str, int] = field(default_factory=dict)
    """Moments at which one was stopped, by signal."""
    left_alive: int = 0
    """Processes that outlived their command."""
    tracebacks: list[str] = field(default_factory=list)
    """What commands wrote that ended with a traceback and no sentence."""
    wrong_codes: list[str] = field(default_factory=list)
    """Exit codes that say something else than what happened."""
    files: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Each record that was there after some stop, and which file of the disk it was."""


def stopped_at_random(
    command: Sequence[str], folder: Path, *, chance: random.Random, whole_s: float, moments: int, told: Told
) -> int:
    """Start a command and stop it at a random moment, so often, and then let it come to its end.

    Args:
        command: The words after `python`.
        folder: Where it runs; its standard error goes into a file there.
        chance: Draws moments and signals.
        whole_s: Seconds that it takes undisturbed; moments are drawn evenly from them.
        moments: Moments at which it is stopped at most; it may end by itself before.
        told: Is added to.

    Returns:
        Moments at which it was stopped.

    Raises:
        RuntimeError: If it ends by itself with an error.
    """
    stopped = 0
    while True:
        process = start(command, folder)
        try:
            code = process.wait(chance.uniform(0, whole_s) if stopped < moments else _LONGEST_S)
        except subprocess.TimeoutExpired:
            if stopped == moments:
                raise
        else:
            if code != 0:
                raise RuntimeError(f"{' '.join(command)} ended with exit code {code}: {errors_of(folder)}")
            return stopped
        _stop(process, chance, folder, told)
        stopped += 1


def start(command: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    """Start a command in a process group of its own."""
    with (folder / "stderr.txt").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def errors_of(folder: Path) -> str:
    """What the last command wrote on standard error."""
    return (folder / "stderr.txt").read_text(errors="replace")


def seconds_of(what: Callable[[], object]) -> float:
    """Seconds that something takes."""
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


def _stop(process: "subprocess.Popen[bytes]", chance: random.Random, folder: Path, told: Told) -> None:
    kind = chance.choice(SIGNALS)
    to_group = chance.random() < 0.5  # as a terminal and a queue do it, or as another program does
    (os.killpg if to_group else os.kill)(process.pid, kind)
    code = _exit_code(process)
    told.moments[kind.name] = told.moments.get(kind.name, 0) + 1
    until = time.monotonic() + _ENDING_S
    while (alive := _group_of(process)) and time.monotonic() < until:
        time.sleep(0.05)
    told.left_alive += len(alive)
    told.files |= {file: identity_of(file) for file in folder.glob("store*/*.json")}
    # A command may come to its end just before; and while Python starts or ends, the signal itself ends it.
    if code in (0, -kind):
        return
    if "Traceback" in (errors := errors_of(folder)):
        told.tracebacks.append(errors)
    if code != _CODES.get(kind):
        told.wrong_codes.append(f"{code} after {kind.name}")


def _exit_code(process: "subprocess.Popen[bytes]") -> int | None:
    """That with which it ends; none if it does not, and is killed."""
    try:
        return process.wait(_ENDING_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def identity_of(file: Path) -> tuple[int, int]:
    """Which file of the disk it is, and when it was written."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns


def _group_of(process: "subprocess.Popen[bytes]") -> list[int]:
    alive = []
    for one in psutil.process_iter():
        try:
            if os.getpgid(one.pid) == process.pid and one.status() != psutil.STATUS_ZOMBIE:
                alive.append(one.pid)
        except (psutil.Error, ProcessLookupError):
            continue
    return alive
