"""Ctrl-C and SIGTERM while a command loads what it needs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnbench.cli import main
from attnbench.exit_codes import TERMINATED
from tests.source import source_environment


def stopping(number: signal.Signals) -> Callable[..., int]:
    def command() -> int:
        os.kill(os.getpid(), number)
        raise AssertionError("it was not stopped")

    return command


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_is_said_and_told_by_the_exit_code(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr("attnbench.cli.list.list_names", stopping(number))
    assert main(["list"]) == code
    assert capsys.readouterr().err == "Interrupted.\n"
    assert signal.getsignal(signal.SIGTERM) is before
    assert TERMINATED == 143


LATE = """
import atexit, os, signal, sys
from attnbench.cli import run_program
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGINT, signal.SIGTERM):
    atexit.register(os.kill, os.getpid(), number)
sys.argv = ["attnbench", "list", "nothing"]
sys.exit(run_program())
"""
IN_TEXT = """
import sys
import attnbench.cli.list
from attnbench.cli import run_program

def interrupted():
    exec("raise KeyboardInterrupt")

attnbench.cli.list.list_names = interrupted
sys.argv = ["attnbench", "list"]
sys.exit(run_program())
"""


def ended(text: str, folder: Path, **options: Any) -> "subprocess.CompletedProcess[str]":
    """A program of this text, run as a module, at whose end Python does more."""
    (folder / "program.py").write_text(text)
    environment = source_environment(PYTHONUNBUFFERED="")  # or what is printed would not wait for the end
    environment["PYTHONPATH"] += f"{os.pathsep}{folder}"
    return subprocess.run(
        [sys.executable, "-m", "program"], env=environment, stderr=subprocess.PIPE, text=True, **options
    )


def test_nothing_disturbs_the_end_of_the_program(tmp_path: Path) -> None:
    done = ended(LATE, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_the_exit_code_is_told_where_text_was_interrupted(tmp_path: Path) -> None:
    done = ended(IN_TEXT, tmp_path)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


def test_the_exit_code_is_told_where_nobody_reads_any_more(tmp_path: Path) -> None:
    """What was printed before cannot be written at the end, as after `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = ended(IN_TEXT.replace("    exec", "    print('a table')\n    exec"), tmp_path, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
