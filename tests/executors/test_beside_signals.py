"""Signals that reach a process while a call is made beside them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from attnbench.executors.beside_signals import call_beside_signals

PROGRAM = """
import os, signal, sys, time
from attnbench.executors.beside_signals import call_beside_signals

def ask_to_be_queued_again(number, frame):
    sys.exit(144)

signal.signal(signal.SIGUSR2, ask_to_be_queued_again)
signal.signal(signal.SIGTERM, lambda number, frame: print("bypassed", flush=True))

def train():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGUSR2)
    time.sleep(60)

call_beside_signals(train)
"""


def test_gives_what_the_call_gives_or_raises() -> None:
    assert call_beside_signals(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        call_beside_signals(lambda: 1 // 0)
    with pytest.raises(KeyboardInterrupt):
        call_beside_signals(interrupt)


def interrupt() -> None:
    raise KeyboardInterrupt


def test_the_handlers_of_the_process_are_called_and_what_they_raise_ends_it_at_once() -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=Path(__file__).parents[2], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (144, "bypassed\n"), done.stderr
    assert time.monotonic() - begun < 50
