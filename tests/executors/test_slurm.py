"""Runs as jobs that submitit starts on this machine, in the way in which it starts those of SLURM."""

import contextlib
import os
import signal
import subprocess
import sys
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from attnbench.errors import DivergedError, ExecutorError, RunTimeoutError, WorkerDiedError
from attnbench.execution import STATES, run_missing, run_one
from attnbench.executors.in_process import InProcessExecutor
from attnbench.executors.slurm import SlurmExecutor
from attnbench.record import Store, without_timing
from attnbench.spec import Compute
from attnbench.suite import grid_of
from tests.executors.calls import begin_and_wait, diverge, most_at_once, pid_after, span
from tests.tiny import tiny_suite
from tests.until import wait_until, words_of

pytestmark = pytest.mark.slow  # each job is a fresh Python

ROOT = Path(__file__).parents[2]


class Heard:
    """What an executor tells of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.progress: list[tuple[object, ...]] = []
        self.notices: list[str] = []

    def open(self, settings: dict[str, Any] | None = None, **options: Any) -> SlurmExecutor:
        return SlurmExecutor(
            self.folder,
            compute=Compute(device="cpu"),
            on_progress=lambda *event: self.progress.append(event),
            on_notice=self.notices.append,
            settings={"cluster": "local", **(settings or {})},
            **options,
        )


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Heard:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Heard(tmp_path / "store" / ".slurm")


def test_the_records_are_those_of_this_process(heard: Heard, tmp_path: Path) -> None:
    grid = grid_of(tiny_suite(epochs=4))
    here = run_missing(grid, Store(tmp_path / "here"), executor=InProcessExecutor(), on_finished=lambda _: None)
    store = Store(tmp_path / "store")
    with heard.open() as executor:
        there = run_missing(grid, store, executor=executor, on_finished=lambda _: None)
    assert list(map(without_timing, there.records)) == list(map(without_timing, here.records))
    assert {event[0] for event in heard.progress} <= {record.digest for record in here.records}
    assert heard.progress
    records, problems = store.read()
    assert (len(records), problems) == (2, [])
    assert heard.notices == [f"the runs are submitted as jobs on this machine; logs of the jobs: {heard.folder}"]
    assert {file.suffix for file in heard.folder.iterdir()} == {".out", ".err"}


def test_what_a_call_raises_is_its_own_and_the_others_go_on(heard: Heard) -> None:
    with heard.open(workers=2) as executor:
        failing, after = executor.submit(diverge), executor.submit(pid_after, 0)
        with pytest.raises(DivergedError, match=r"^the loss is nan$"):
            failing.result()
        assert after.result() > 0
    (log,) = (file for file in heard.folder.glob("*.err") if "DivergedError" in file.read_text())
    assert "Traceback" in log.read_text()


def test_a_killed_job_is_a_failure_that_names_its_log(heard: Heard, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    with heard.open(workers=2) as executor:
        killed, after = executor.submit(begin_and_wait, begun), executor.submit(pid_after, 0)
        (pid,) = words_of(1, begun)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError, match=r"^the job \d+ ended without a result; its log: .*\.err"):
            killed.result()
        assert after.result() > 0


def test_a_pre_empted_run_goes_on_from_its_state(heard: Heard, tmp_path: Path) -> None:
    # An epoch takes longer than a job takes to end when it is signalled.
    data = "cluttered-digits:test_images=40,train_images=6000,validation_images=40"
    grid, store = grid_of(replace(tiny_suite(("sge:groups=4",), epochs=3), data=data)), Store(tmp_path / "store")
    (_, spec) = grid.specs
    with heard.open() as executor:
        run = executor.submit(run_one, (), grid.execute, spec, store.path)
        state = store.path / STATES / f"{grid.digest_of(spec)}.ckpt"
        wait_until(state.is_file)
        (job,) = jobs()
        job.suspend()
        # Only a training that goes on has more seconds than it takes.
        content = torch.load(state, weights_only=True)
        content["callbacks"]["KeepCheckpoint"]["train_s"] = 1e6
        torch.save(content, state)
        # What SLURM sends a job that is to make room.
        job.send_signal(signal.SIGTERM)
        job.send_signal(signal.SIGUSR2)
        job.resume()
        record = run.result()
    assert record.timing.train_s > 1e6
    log = "".join(file.read_text() for file in heard.folder.glob("*_log.*"))
    assert "this job is preempted" in log
    assert log.count("Job completed successfully") == 1
    assert without_timing(record) == without_timing(grid.execute(spec, tmp_path / "here"))


def test_a_run_that_takes_too_long_is_ended(heard: Heard, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    with heard.open({"slurm_signal_delay_s": 57}, run_timeout_s=3) as executor:
        hanging = executor.submit(begin_and_wait, begun)
        with pytest.raises(RunTimeoutError, match=r"^it took longer than 3 s, or was pre-empted near its end, and was"):
            hanging.result()
    (file,) = begun.iterdir()
    assert not psutil.pid_exists(int(file.name))


def test_workers_limit_the_calls_at_once(heard: Heard) -> None:
    with heard.open(workers=2) as executor:
        spans = [future.result() for future in [executor.submit(span, 1) for _ in range(4)]]
    assert most_at_once(spans) <= 2


def test_leaving_by_an_exception_ends_all(heard: Heard, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    begun.mkdir()
    with contextlib.suppress(KeyboardInterrupt), heard.open(workers=2) as executor:
        futures = [executor.submit(begin_and_wait, begun) for _ in range(4)]
        pids = words_of(2, begun)
        raise KeyboardInterrupt
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    assert not any(map(psutil.pid_exists, pids))
    assert len(list(begun.iterdir())) == 2


def test_a_second_ctrl_c_leaves_no_job(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    begun = tmp_path / "begun"
    begun.mkdir()
    with contextlib.suppress(KeyboardInterrupt), heard.open(workers=1) as executor:
        executor.submit(begin_and_wait, begun)
        pids = words_of(1, begun)
        monkeypatch.setattr(executor._keeper, "join", interrupted)
        raise KeyboardInterrupt
    assert not any(map(psutil.pid_exists, pids))


def test_what_nobody_foresaw_ends_the_suite_and_all_jobs(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("job\nstate")

    begun = tmp_path / "begun"
    begun.mkdir()
    with contextlib.suppress(ExecutorError), heard.open(workers=1) as executor:
        future = executor.submit(begin_and_wait, begun)
        pids = words_of(1, begun)
        monkeypatch.setattr(executor, "_look_at_jobs", fail)
        future.result()
    with pytest.raises(ExecutorError, match=r"^the jobs can no longer be followed: ValueError: job state$"):
        future.result()
    assert not any(map(psutil.pid_exists, pids))


def test_a_job_answers_signals_before_torch_is_imported() -> None:
    program = "import sys, attnbench.executors.slurm_job; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True)
    assert done.stdout == "False\n"


def jobs() -> list[psutil.Process]:
    """The processes in which submitit runs something."""
    started = psutil.Process().children(recursive=True)
    return [process for process in started if "submitit.core._submit" in process.cmdline()]
