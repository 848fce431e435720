"""Several processes at one store: none waits, nothing is lost, and nobody sees a part of a record."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.errors import RecordError, StoreError
from attnbench.record import Store
from attnbench.store import write_whole
from tests.records import make_record

NUM_SEEDS = 40
ROOT = Path(__file__).parents[1]

WRITER = f"""
import sys
from pathlib import Path
from attnbench.record import Store
from tests.records import make_record

store = Store(Path(sys.argv[1]))
for seed in range({NUM_SEEDS}):
    store.add(make_record(seed=seed, top1=float(sys.argv[2])))
"""

READER = f"""
import sys, time
from pathlib import Path
from attnbench.record import Store

store, deadline, seen = Store(Path(sys.argv[1])), time.monotonic() + 60, 0
while seen < {NUM_SEEDS} and time.monotonic() < deadline:
    records, problems = store.read()
    assert problems == [], problems
    assert len(records) >= seen, "a record is gone"
    seen = len(records)
sys.exit(seen != {NUM_SEEDS})
"""

KILLED = """
import os, signal, sys
from pathlib import Path
from attnbench.record import Store
from tests.records import make_record

os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)
Store(Path(sys.argv[1])).add(make_record())
"""


def start(script: str, *arguments: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", script, *arguments], cwd=ROOT)


def test_writers_and_readers_need_no_locks(tmp_path: Path) -> None:
    accuracies = [70.0, 80.0, 90.0]
    processes = [start(READER, str(tmp_path))]
    processes += [start(WRITER, str(tmp_path), str(top1)) for top1 in accuracies]
    assert [process.wait(timeout=90) for process in processes] == [0, 0, 0, 0]
    records, problems = Store(tmp_path).read()
    assert problems == []
    assert sorted(record.spec.seed for record in records) == list(range(NUM_SEEDS))
    for record in records:
        assert record == make_record(seed=record.spec.seed, top1=record.values.test_top1_percent)
        assert record.values.test_top1_percent in accuracies
    assert sorted(os.listdir(tmp_path)) == sorted(f"{record.digest}.json" for record in records)


def test_the_first_to_arrive_stays_when_two_look_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, first = Store(tmp_path), make_record(top1=70.0)
    fsync = os.fsync

    def another_is_quicker(handle: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        store.add(first)

    monkeypatch.setattr(os, "fsync", another_is_quicker)
    store.add(make_record(top1=80.0))
    assert list(store) == [first]
    assert os.listdir(tmp_path) == [f"{first.digest}.json"]


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(source: str, target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    store, first = Store(tmp_path), make_record(top1=70.0)
    store.add(first)
    store.add(make_record(top1=80.0))
    assert list(store) == [first]
    assert os.listdir(tmp_path) == [f"{first.digest}.json"]


def test_what_a_killed_writer_leaves_behind_is_not_read_and_not_in_the_way(tmp_path: Path) -> None:
    assert start(KILLED, str(tmp_path)).wait(timeout=60) == -signal.SIGKILL
    (left,) = os.listdir(tmp_path)
    assert left.startswith(".")
    assert left.endswith(".tmp")
    store = Store(tmp_path)
    assert store.read() == ([], [])
    store.add(make_record())
    assert store.read() == ([make_record()], [])


def test_a_name_that_is_no_file_is_set_aside_and_not_written_over(tmp_path: Path) -> None:
    store, record = Store(tmp_path), make_record()
    store.file_of(record.digest).mkdir()
    assert record.digest in store
    with pytest.raises(RecordError, match=r"cannot read .*Is a directory"):
        store.get(record.digest)
    with pytest.raises(StoreError, match=r"cannot write a record into .*File exists"):
        store.add(record)
    store.set_aside(record.digest)
    store.add(record)
    assert store.get(record.digest) == record


def test_a_record_is_set_aside_once_of_two_that_try(tmp_path: Path) -> None:
    store, record = Store(tmp_path), make_record()
    store.file_of(record.digest).write_text("{")
    store.set_aside(record.digest)
    store.set_aside(record.digest)
    assert [file.name for file in tmp_path.iterdir()] == [f"{record.digest}.json.damaged"]


def test_a_file_that_is_replaced_is_the_old_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    write_whole(file, b"old")
    fsync = os.fsync

    def still_old(handle: int) -> None:
        assert file.read_bytes() == b"old"
        fsync(handle)

    monkeypatch.setattr(os, "fsync", still_old)
    write_whole(file, b"new")
    assert file.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]
