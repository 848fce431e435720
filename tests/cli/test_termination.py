"""Ctrl-C and SIGTERM while a command loads what it needs."""

import os
import signal
from collections.abc import Callable

import pytest

from attnbench.cli import app, main


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
    assert app.TERMINATED == 143
