"""What may go wrong around a suite: what is said, and that nothing that is recorded is lost."""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.errors import StoreError
from attnbench.executors.in_process import InProcessExecutor
from attnbench.grid import Failure
from attnbench.record import Record, Store, without_timing
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.spec_io import to_yaml
from attnbench.suite import expand, run_suite
from tests.source import source_environment
from tests.tiny import tiny_suite

pytestmark = pytest.mark.slow

FAULTY = '''
import os, signal, time

import torch
from torch import nn

import attnbench

leaked = []


@attnbench.register_attention("faulty", placement="block")
class Faulty(nn.Module):
    """Misbehaves in training, which no check before it can see."""

    def __init__(self, channels: int, *, how: str = "not") -> None:
        super().__init__()
        self.how = how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and torch.is_grad_enabled():
            if self.how == "raises":
                raise ValueError("not in this mood")
            if self.how == "narrows":
                return x[:, :1, :1]
            if self.how == "hangs":
                time.sleep(10_000)
            if self.how == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "leaks":
                leaked.append(torch.ones(10**7))
                torch.empty(10**15)
        return x
'''

SENTENCES = {
    "raises": "ValueError: not in this mood",
    "narrows": "RuntimeError: output with shape [32, 1, 1, 14] doesn't match the broadcast shape",
    "leaks": "out of memory; a smaller batch_size or fewer --workers need less",
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    """What a suite of two variants gives where nothing goes wrong."""
    store = Store(tmp_path_factory.mktemp("undisturbed"))
    return list(run_suite(SUITE, store, executor=InProcessExecutor(), on_finished=lambda _: None).records)


SUITE = tiny_suite(seeds=(0, 1))


def assert_same(records: Iterable[Record], expected: Iterable[Record]) -> None:
    """They are equal to the last bit, but for the clock."""
    got = {record.digest: without_timing(record) for record in records}
    wanted = {record.digest: without_timing(record) for record in expected}
    assert got.keys() == wanted.keys()
    for run_digest, content in wanted.items():
        for part, value in content.items():  # each by itself, so that a failure shows what differs
            assert (part, got[run_digest][part]) == (part, value)


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SuiteSpec]:
    """Makes a suite of a module that misbehaves between two that do not."""
    monkeypatch.chdir(tmp_path)
    Path("faulty.py").write_text(FAULTY)

    def make(*hows: str) -> SuiteSpec:
        variants = ("none", *(f"faulty:how={how}" for how in hows), "sge:groups=4")
        suite = tiny_suite(variants, imports=("faulty.py",))
        Path("suite.yaml").write_text(to_yaml(suite))
        return suite

    return make


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_module_that_fails_costs_its_own_run(
    faulty: Callable[..., SuiteSpec], capsys: pytest.CaptureFixture[str], workers: str
) -> None:
    faulty(*SENTENCES)
    assert main(["leaderboard", "suite.yaml", "--workers", workers]) == 1
    errors = capsys.readouterr().err
    for how, sentence in SENTENCES.items():
        assert f"failed: faulty:how={how} seed 0: {sentence}" in errors
    assert "Traceback" not in errors
    assert {record.spec.attention for record in Store(Path("records"))} == {"none", "sge:groups=4"}


def test_a_module_that_hangs_is_ended_and_one_that_kills_is_given_up(
    faulty: Callable[..., SuiteSpec], capsys: pytest.CaptureFixture[str]
) -> None:
    faulty("hangs", "dies")
    assert main(["leaderboard", "suite.yaml", "--workers", "2", "--run-timeout", "20"]) == 1
    errors = capsys.readouterr().err
    assert "failed: faulty:how=hangs seed 0: it took longer than 20 s and was ended" in errors
    assert "failed: faulty:how=dies seed 0: 3 worker processes died in it, the last by SIGKILL" in errors
    assert {record.spec.attention for record in Store(Path("records"))} == {"none", "sge:groups=4"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a quarter of a megabyte, of which a record takes some thousand bytes and a state the rest."""
    with mounted(tmp_path / "disk", "size=256k") as folder:
        yield folder


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_stops_the_suite_and_costs_no_record(
    small_disk: Path, undisturbed: list[Record], caplog: pytest.LogCaptureFixture
) -> None:
    store, junk = Store(small_disk), small_disk / "junk"

    def fill(outcome: Record | Failure[RunSpec]) -> None:
        with contextlib.suppress(OSError), junk.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    with pytest.raises(StoreError, match=r"^cannot write a record into .*: No space left on device$"):
        run_suite(SUITE, store, executor=InProcessExecutor(), on_finished=fill)
    (first,) = store
    assert_same([first], [record for record in undisturbed if record.digest == first.digest])
    assert [message for message in caplog.messages if "cannot keep the state" in message]
    junk.unlink()
    result = run_suite(SUITE, store, executor=InProcessExecutor(), on_finished=lambda _: None)
    assert_same(result.records, undisturbed)
    assert not [file.name for file in small_disk.iterdir() if file.name.endswith(".tmp")]


def test_a_store_that_is_read_only_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "suite.yaml").write_text(to_yaml(SUITE))
    with mounted(tmp_path / "disk", "ro") as folder:
        assert main(["leaderboard", str(tmp_path / "suite.yaml"), "--store", str(folder), "--workers", "1"]) == 2
    errors = capsys.readouterr().err
    assert errors.splitlines()[-1] == f"error: cannot write records into {folder}: Read-only file system"


def test_a_clock_that_jumps_changes_nothing(
    tmp_path: Path, undisturbed: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(0)
    monkeypatch.setattr(time, "time", lambda: chance.uniform(0, 4e9))
    begun = time.monotonic()
    result = run_suite(SUITE, Store(tmp_path), executor=InProcessExecutor(), on_finished=lambda _: None)
    took = time.monotonic() - begun
    assert_same(result.records, undisturbed)
    for record in result.records:
        assert 0 < record.timing.train_s < record.timing.wall_s < took
        datetime.fromisoformat(record.timing.started_at)


def test_two_suites_in_one_store_give_each_record_once(tmp_path: Path, undisturbed: list[Record]) -> None:
    (tmp_path / "suite.yaml").write_text(to_yaml(SUITE))
    # The other one has a variant and a seed of its own.
    other = replace(SUITE, attention=("sge:groups=4", "se:reduction=2"), seeds=(1, 2), baseline="none")
    (tmp_path / "other.yaml").write_text(to_yaml(other))
    command = [sys.executable, "-m", "attnbench", "leaderboard", "--store", "both", "--workers", "1"]
    # The same attnbench as this process has, and so the same revision in the records, where another one is installed.
    environment = source_environment()
    started = [
        subprocess.Popen(
            [*command, name], cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for name in ("suite.yaml", "other.yaml", "suite.yaml")
    ]
    for process in started:
        _, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
    store = Store(tmp_path / "both")
    records, problems = store.read()
    assert problems == []
    ours = {record.digest for record in undisturbed}
    assert_same([record for record in records if record.digest in ours], undisturbed)
    wanted = {digest(spec) for suite in (SUITE, other) for spec in expand(suite)}
    assert len(ours) < len(wanted)
    assert {file.name for file in store.path.iterdir()} == {f"{run_digest}.json" for run_digest in wanted}
