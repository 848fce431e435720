"""Runs on a real Ray cluster of two nodes, which are two raylets of this machine."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from types import FrameType
from typing import Any

import psutil
import pytest
import torch
from ray.cluster_utils import Cluster

from attnbench.errors import DivergedError, ExecutorError, RunTimeoutError, SpecError, WorkerDiedError
from attnbench.execution import STATES, run_missing, run_one
from attnbench.executors.in_process import InProcessExecutor
from attnbench.executors.ray_cluster import RayExecutor
from attnbench.record import Record, Store, without_timing
from attnbench.spec import Compute
from attnbench.suite import grid_of
from tests.executors.calls import begin_and_wait, die_until, diverge, most_at_once, pid_after, span
from tests.tiny import tiny_suite
from tests.until import wait_until, words_of

pytestmark = [
    pytest.mark.slow,  # a cluster takes seconds to start
    # Ray's own: what it opens for its processes, and what will change in a later version.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Tip. In future versions of Ray:FutureWarning"),
]

ROOT = Path(__file__).parents[2]


class Heard:
    """What an executor tells of."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.progress: list[tuple[object, ...]] = []
        self.notices: list[str] = []

    def open(self, settings: dict[str, Any] | None = None, **options: Any) -> RayExecutor:
        return RayExecutor(
            compute=Compute(device="cpu"),
            on_progress=lambda *event: self.progress.append(event),
            on_notice=self.notices.append,
            settings={"address": self.address, **(settings or {})},
            **options,
        )


@contextlib.contextmanager
def open_cluster(num_cpus: int) -> Iterator[Cluster]:
    """The first node of a cluster; its processes end with the context."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        noticed_soon = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 500}
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": num_cpus, "include_dashboard": False, "_system_config": noticed_soon},
        )
        try:
            yield cluster
        finally:
            cluster.shutdown()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with open_cluster(1) as cluster:
        cluster.add_node(num_cpus=1)
        yield cluster.address


@pytest.fixture
def heard(address: str) -> Heard:
    return Heard(address)


def test_the_records_are_those_of_this_process(heard: Heard, tmp_path: Path) -> None:
    grid = grid_of(tiny_suite(seeds=(0, 1), epochs=4))
    here = run_missing(grid, Store(tmp_path / "here"), executor=InProcessExecutor(), on_finished=lambda _: None)
    with heard.open() as executor:
        there = run_missing(grid, Store(tmp_path / "there"), executor=executor, on_finished=lambda _: None)
    assert list(map(without_timing, there.records)) == list(map(without_timing, here.records))
    assert {event[0] for event in heard.progress} == {record.digest for record in here.records}
    assert not (tmp_path / "there" / STATES).exists()


def test_each_worker_is_kept_from_call_to_call(heard: Heard) -> None:
    with heard.open() as executor:
        pids = [future.result() for future in [executor.submit(pid_after, 0.5) for _ in range(8)]]
    assert len(set(pids)) <= 4  # Ray may start one ahead for each of the two places
    assert os.getpid() not in pids
    # Nobody waits for the last words.
    assert set(heard.progress) == {("run", "train", 1, 2)}
    assert len(heard.progress) <= 8
    assert heard.notices == []


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_a_call_whose_worker_dies_is_made_again(heard: Heard, tmp_path: Path, signal_number: int) -> None:
    with heard.open() as executor:
        assert executor.submit(die_until, tmp_path, 2, signal_number).result() == 2
    assert [notice.partition(" the node ")[0] for notice in heard.notices] == [
        "a worker or its node was lost; what it was at goes on on"
    ] * 2


def test_a_call_that_loses_all_its_workers_has_failed_and_the_next_goes_on(heard: Heard, tmp_path: Path) -> None:
    with heard.open({"max_retries": 1}) as executor:
        deadly, after = executor.submit(die_until, tmp_path, 99, signal.SIGKILL), executor.submit(pid_after, 0)
        with pytest.raises(WorkerDiedError, match=r"lost each time that Ray tried it \(WorkerCrashedError\)"):
            deadly.result()
        assert after.result() > 0
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_call_raises_is_its_own_and_the_others_go_on(heard: Heard, tmp_path: Path) -> None:
    with heard.open() as executor:
        failing, after = executor.submit(diverge), executor.submit(pid_after, 0)
        with pytest.raises(DivergedError, match=r"^the loss is nan$"):
            failing.result()
        assert after.result() > 0
    assert heard.notices == []


def test_a_call_that_hangs_is_ended(heard: Heard, tmp_path: Path) -> None:
    with heard.open(run_timeout_s=3) as executor:
        hanging, after = executor.submit(begin_and_wait, tmp_path), executor.submit(pid_after, 0)
        with pytest.raises(RunTimeoutError, match=r"^it took longer than 3 s and was ended; with a longer"):
            hanging.result()
        after.result()
        (pid,) = tmp_path.iterdir()
        assert are_gone([int(pid.name)])


def test_workers_limit_the_calls_at_once(heard: Heard) -> None:
    with heard.open({"num_cpus": 0.25}, workers=2) as executor:
        spans = [future.result() for future in [executor.submit(span, 2) for _ in range(8)]]
    assert most_at_once(spans) == 2


def test_leaving_by_an_exception_ends_all(heard: Heard, tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), heard.open() as executor:
        futures = [executor.submit(begin_and_wait, tmp_path) for _ in range(4)]
        pids = words_of(2, tmp_path)
        left = time.monotonic()
        raise KeyboardInterrupt
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    assert are_gone(pids)
    assert time.monotonic() - left < 60
    assert len(list(tmp_path.iterdir())) == 2


def test_leaving_by_an_exception_begins_nothing(heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.suppress(KeyboardInterrupt), heard.open(workers=1) as executor:
        futures = [executor.submit(begin_and_wait, tmp_path) for _ in range(3)]
        pids = words_of(1, tmp_path)
        end_early = executor._end_early

        def end_early_beside_the_keeper(*args: Any) -> None:
            executor._begin()  # as after a call that ends at this moment
            end_early(*args)

        monkeypatch.setattr(executor, "_end_early", end_early_beside_the_keeper)
        raise KeyboardInterrupt
    for future in futures:
        with pytest.raises(CancelledError):
            future.result()
    assert are_gone(pids)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_nobody_foresaw_ends_the_suite_and_all_calls(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise KeyError("word")

    with contextlib.suppress(ExecutorError), heard.open() as executor:
        future = executor.submit(begin_and_wait, tmp_path)
        pids = words_of(1, tmp_path)
        monkeypatch.setattr(executor, "_hear", fail)
        future.result()
    message = r"^the runs on the Ray cluster can no longer be followed: KeyError: 'word'$"
    with pytest.raises(ExecutorError, match=message):
        future.result()
    assert are_gone(pids)


def test_what_answers_a_request_to_terminate_stays(heard: Heard) -> None:
    def answer(number: int, frame: FrameType | None) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGTERM, answer)
    try:
        with heard.open():
            assert signal.getsignal(signal.SIGTERM) is answer
        assert signal.getsignal(signal.SIGTERM) is answer
    finally:
        signal.signal(signal.SIGTERM, before)


def test_what_the_cluster_cannot_give_is_said(heard: Heard) -> None:
    with heard.open({"resources.fast_disk": 2}):
        pass
    assert heard.notices == ["no node of the Ray cluster has 1 CPU, 2 fast_disk; the runs wait until one joins"]


def test_no_cluster_at_the_address() -> None:
    with pytest.raises(ExecutorError, match=r"^cannot reach the Ray cluster at 127\.0\.0\.1:9: Connection refused$"):
        Heard("127.0.0.1:9").open()


def test_what_is_no_value_of_rays_is_refused(heard: Heard) -> None:
    with pytest.raises(SpecError, match=r"^--executor-set: The type of keyword 'num_cpus' must be"):
        heard.open({"num_cpus": "many"})


def test_a_run_whose_node_is_lost_goes_on_from_its_state_elsewhere(tmp_path: Path) -> None:
    grid = grid_of(tiny_suite(("sge:groups=4",), epochs=60))
    (_, spec), store = grid.specs, Store(tmp_path / "store")
    with open_cluster(0) as cluster:
        heard, lost = Heard(cluster.address), cluster.add_node(num_cpus=1)
        with heard.open() as executor:
            run = executor.submit(run_one, (), grid.execute, spec, store.path)
            state = store.path / STATES / f"{grid.digest_of(spec)}.ckpt"
            wait_until(state.is_file)
            cluster.remove_node(lost, allow_graceful=False)
            wait_until(lambda: not trainings())
            # Only a training that goes on has more seconds than it takes.
            content = torch.load(state, weights_only=True)
            content["callbacks"]["KeepCheckpoint"]["train_s"] = 1e6
            torch.save(content, state)
            cluster.add_node(num_cpus=1)
            record = run.result()
    assert record.timing.train_s > 1e6
    assert len(heard.notices) == 1
    here: Record = grid.execute(spec, tmp_path / "here")
    assert without_timing(record) == without_timing(here)


def trainings() -> list[psutil.Process]:
    """Workers of Ray that are at a call of an executor."""
    found = psutil.process_iter(["cmdline"])
    return [process for process in found if "ray::call_on_cluster" in " ".join(process.info["cmdline"] or [])]


def are_gone(pids: list[int]) -> bool:
    """Whether the processes end soon."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not any(map(psutil.pid_exists, pids)), seconds=20)
        return True
    return False
