"""Ctrl-C and SIGTERM while a command loads what it needs."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench.cli import main


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


LATE = """
import atexit, os, signal, sys
from attnbench.cli import run_program
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGINT, signal.SIGTERM):
    atexit.register(os.kill, os.getpid(), number)
sys.argv = ["attnbench", "list", "nothing"]
sys.exit(run_program())
"""


def test_nothing_disturbs_the_end_of_the_program() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", LATE], env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


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


def test_the_exit_code_is_told_where_text_was_interrupted(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(IN_TEXT)
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-m", "program"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
