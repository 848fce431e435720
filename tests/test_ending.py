"""Programs whose output nobody reads any more, or that have none."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.source import source_environment

PROGRAM = "import sys; from attnbench.cli import app; {}; sys.exit(app.run_program())"


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe whose other end is closed."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)


def ended(words: list[str], *, unbuffered: str = "", **streams: int) -> "subprocess.CompletedProcess[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    environment = source_environment(PYTHONUNBUFFERED=unbuffered)
    return subprocess.run([sys.executable, *words], env=environment, text=True, check=False, **pipes)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", ["list presets", "leaderboard --print-spec"])
def test_whoever_has_read_enough_sees_no_traceback(words: str, unbuffered: str, unread: int) -> None:
    done = ended(["-m", "attnbench", *words.split()], unbuffered=unbuffered, stdout=unread)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(("status", "code"), [(0, 1), (1, 1), (2, 2), (130, 130), (143, 143)])
def test_what_went_wrong_before_is_still_the_exit_code(status: int, code: int, unread: int) -> None:
    done = ended(["-c", PROGRAM.format(f"app.main = lambda: print(7) or {status}")], stdout=unread)
    assert (done.returncode, done.stderr) == (code, "")


def test_without_an_output_all_goes_well() -> None:
    closing = "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'attnbench', 'list'])"
    done = ended(["-c", closing])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_another_pipe_that_breaks_is_no_end_of_the_output() -> None:
    program = PROGRAM.format("app._run = lambda *words: print(7) or exec('raise BrokenPipeError(\\'of a worker\\')')")
    done = ended(["-c", program])
    assert (done.returncode, done.stdout) == (1, "7\n")
    assert done.stderr.endswith("BrokenPipeError: of a worker\n")


def test_results_are_out_where_nobody_reads_what_is_said_beside_them(unread: int) -> None:
    program = PROGRAM.format("app._run = lambda *words: print(7) or print(8, file=sys.stderr, flush=True)")
    assert ended(["-c", program], stderr=unread).stdout == "7\n"
