"""Workers that die, hang or take all memory, and what becomes of the calls that they had."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from textwrap import indent
from typing import ClassVar

import psutil
import pytest

from attnbench.errors import RunTimeoutError, TrainingError, WorkerDiedError
from attnbench.execution import run_one
from attnbench.executors import workers
from attnbench.executors.workers import MOST_DEATHS, WorkerExecutor
from tests.executors.calls import die_until, pid_after
from tests.source import source_environment
from tests.until import wait_until

pytestmark = pytest.mark.slow  # each worker is a fresh Python


class Heard:
    """What an executor tells of."""

    def __init__(self) -> None:
        self.progress: list[tuple[object, ...]] = []
        self.notices: list[str] = []

    def open(self, num_workers: int, *, run_timeout_s: float | None = None) -> WorkerExecutor:
        return WorkerExecutor(
            num_workers,
            on_progress=lambda *event: self.progress.append(event),
            on_notice=self.notices.append,
            run_timeout_s=run_timeout_s,
        )


@pytest.fixture
def heard() -> Heard:
    return Heard()


def raise_timeout() -> None:
    raise TimeoutError("of its own")


def test_each_worker_is_kept_from_call_to_call(heard: Heard) -> None:
    with heard.open(2) as executor:
        pids = [future.result() for future in [executor.submit(pid_after, 0.5) for _ in range(6)]]
    assert len(set(pids)) == 2
    assert os.getpid() not in pids
    assert heard.progress == [("run", "train", 1, 2)] * 6
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_call_whose_worker_dies_is_made_again_and_disturbs_no_other(heard: Heard, tmp_path: Path) -> None:
    with heard.open(2) as executor:
        beside = executor.submit(pid_after, 4)
        assert executor.submit(die_until, tmp_path, MOST_DEATHS - 1, signal.SIGKILL).result() == MOST_DEATHS - 1
        beside.result()
    assert heard.notices == ["a worker died (SIGKILL); what it was at is tried again"] * (MOST_DEATHS - 1)
    assert heard.progress == [("run", "train", 1, 2)]


def test_an_exit_code_that_the_pool_sees_first_is_waited_for() -> None:
    class Reaped:
        """A process for which somebody else is waiting."""

        codes: ClassVar = [None, None, -signal.SIGKILL]

        @property
        def exitcode(self) -> int | None:
            return self.codes.pop(0) if len(self.codes) > 1 else self.codes[0]

        def join(self, timeout: float) -> None: ...

    worker = object.__new__(workers._Worker)
    worker.reason, worker._processes = "", [Reaped()]  # type: ignore[list-item]
    assert worker.how_it_ended() == "SIGKILL"


def test_a_call_that_kills_all_its_workers_has_failed_and_the_next_goes_on(heard: Heard, tmp_path: Path) -> None:
    with heard.open(1) as executor:
        deadly = executor.submit(die_until, tmp_path, 99, signal.SIGKILL)
        after = executor.submit(pid_after, 0)
        with pytest.raises(WorkerDiedError, match=r"^3 worker processes died in it, the last by SIGKILL; a smaller"):
            deadly.result()
        assert after.result() not in (0, os.getpid())


def test_a_worker_ignores_what_its_group_is_sent(heard: Heard, tmp_path: Path) -> None:
    with heard.open(1) as executor, pytest.raises(AssertionError):
        executor.submit(die_until, tmp_path, 1, signal.SIGTERM, 5).result()
    assert heard.notices == []


def test_a_call_that_hangs_is_ended(heard: Heard) -> None:
    with heard.open(1, run_timeout_s=6) as executor:
        hanging, after = executor.submit(pid_after, 1000), executor.submit(pid_after, 0)
        with pytest.raises(
            RunTimeoutError, match=r"^it took longer than 6 s and was ended; with a longer --run-timeout"
        ):
            hanging.result()
        after.result()


def test_a_time_out_of_the_call_itself_is_its_own(heard: Heard) -> None:
    with heard.open(1, run_timeout_s=60) as executor, pytest.raises(TimeoutError, match=r"^of its own$"):
        executor.submit(raise_timeout).result()


class UnpicklableError(Exception):
    """As many users write their own: it is pickled, and cannot be made again."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} in {where}")


def raise_unpicklable(imports: tuple[str, ...], path: Path) -> None:
    raise UnpicklableError("no luck", "here")


def test_an_error_that_cannot_be_pickled_is_told_by_its_words(heard: Heard, tmp_path: Path) -> None:
    with heard.open(1) as executor, pytest.raises(TrainingError, match=r"^UnpicklableError: no luck in here$"):
        executor.submit(run_one, (), raise_unpicklable, (), tmp_path).result()
    assert heard.notices == []


def test_when_memory_runs_short_the_largest_worker_ends(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_short = threading.Event()
    monkeypatch.setattr(workers, "running_short", lambda: is_short.is_set() and not heard.notices)
    with heard.open(2) as executor:
        greedy = executor.submit(hold, 400_000_000, tmp_path / "greedy")
        modest = executor.submit(hold, 1, tmp_path / "modest")
        wait_until(lambda: len(list(tmp_path.glob("*/*"))) >= 2)
        is_short.set()
        assert greedy.result() != modest.result()
    (notice,) = heard.notices
    assert notice.startswith("a worker died (ended since the machine's memory ran short; it held ")
    # Only the greedy one was begun twice.
    assert [len(list((tmp_path / name).iterdir())) for name in ("greedy", "modest")] == [2, 1]


def hold(size: int, folder: Path) -> int:
    """Hold so many bytes until one worker has been ended for it, and give the process that came to the end."""
    held = b"x" * size
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    until = time.monotonic() + 100
    while len(list(folder.parent.glob("*/*"))) < 3 and time.monotonic() < until:
        time.sleep(0.1)
    assert len(held) == size
    return os.getpid()


def test_leaving_by_an_exception_ends_all(heard: Heard) -> None:
    futures = []
    begun = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), heard.open(2) as executor:
        futures += [executor.submit(pid_after, 1000) for _ in range(4)]
        time.sleep(3)
        raise KeyboardInterrupt
    assert time.monotonic() - begun < 30
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


INTERRUPTED_IN_SHUTDOWN = """
with WorkerExecutor(1, on_progress=print, on_notice=print) as executor:
    executor.submit(os.getpid).result()  # its process is there
    executor.submit(time.sleep, 1000)
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
"""
NEVER_LEFT = """
stack = ExitStack()
stack.enter_context(open_processes(1, hear=print)).submit(os.getpid).result()
"""


@pytest.mark.parametrize(
    ("text", "code"), [(INTERRUPTED_IN_SHUTDOWN, -signal.SIGINT), (NEVER_LEFT, 0)], ids=["interrupted", "never-left"]
)
def test_a_program_ends_whatever_was_cut_short(text: str, code: int, tmp_path: Path) -> None:
    imports = (
        "import os, signal, threading, time",
        "from contextlib import ExitStack",
        "from attnbench.executors.workers import WorkerExecutor",
        "from attnbench.processes import open_processes",
    )
    program = tmp_path / "program.py"
    program.write_text("\n".join([*imports, "if __name__ == '__main__':", indent(text, "    ")]))
    command = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    command += "import runpy; runpy.run_path(sys.argv[1], run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", command, program], env=source_environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert "Exception ignored" not in done.stderr
