import builtins
import gc
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from attnbench.errors import AttnBenchError, MissingDependencyError, SpecError, StoreError
from attnbench.tune import storage as storage_module
from attnbench.tune.experimental import experimental
from attnbench.tune.retrying import put_back, retries
from attnbench.tune.storage import (
    open_storage,
    shown_url,
    sqlite_url,
    storage_errors,
    using_storage,
    watch_unheard,
)
from attnbench.tune.study import Counts, counts

# The trials that are begun here have no training that could give signs of life.
pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used")

SECRET = "hunter2"


@pytest.fixture
def storage(storage_url: str) -> Iterator[RDBStorage]:
    with using_storage(storage_url, heartbeat_s=1) as opened:
        yield opened


@pytest.fixture
def study(storage: RDBStorage, study_name: str) -> Study:
    return optuna.create_study(storage=storage, study_name=study_name, sampler=RandomSampler(seed=0))


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("journal:///study.log", SpecError, "no heartbeat, so that a killed trial would run for ever"),
        ("study.journal", SpecError, "cannot be read after a torn line; got 'study.journal', allowed: sqlite:///FILE"),
        ("sqlite://", SpecError, "workers cannot share a storage in memory; got 'sqlite://'"),
        ("sqlite:///:memory:", SpecError, "workers cannot share a storage in memory"),
        ("sqlite:///file:x?mode=memory&uri=true", SpecError, "workers cannot share a storage in memory"),
        ("redis://localhost:6379", SpecError, "of sqlite, postgresql or mysql, which know a heartbeat; got 'redis:"),
        ("study.db", SpecError, "a storage is a URL; got 'study.db', allowed: sqlite:///FILE, postgresql"),
        ("", SpecError, "a storage is a URL; got ''"),
        ("postgresql://localhost:port/x", SpecError, "a storage is a URL; got 'postgresql://localhost:port/x'"),
        ("postgresql+nonsense://localhost/x", StoreError, "cannot open the storage postgresql+nonsense://localhost/x"),
    ],
)
def test_a_storage_that_will_not_do(url: str, error: type[AttnBenchError], message: str) -> None:
    with pytest.raises(error) as raised:
        open_storage(url)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("url", "driver", "extra"),
    [
        ("postgresql+psycopg://me@localhost/x", "psycopg", "postgresql"),
        # SQLAlchemy would take psycopg2 and MySQLdb, which the extras do not install.
        ("postgresql://me@localhost/x", "psycopg", "postgresql"),
        ("mysql+pymysql://me@localhost/x", "pymysql", "mysql"),
        ("mysql://me@localhost/x", "pymysql", "mysql"),
        ("mariadb://me@localhost/x", "pymysql", "mysql"),
    ],
)
def test_a_missing_driver_names_its_extra(url: str, driver: str, extra: str, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = builtins.__import__

    def without_driver(name: str, *args: Any) -> Any:
        # SQLAlchemy's own module of the same name is imported relatively.
        if name == driver and args[3:] in ((), (0,)):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return genuine(name, *args)

    monkeypatch.setattr(builtins, "__import__", without_driver)
    with pytest.raises(MissingDependencyError) as raised:
        open_storage(url)
    assert f"pip install attnbench[{extra}]; importing it says: No module named {driver!r}" in str(raised.value)


def unreachable(scheme: str = "postgresql+psycopg") -> str:
    """The URL of a server that does not answer, on a port that nobody listens to."""
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
    return f"{scheme}://me:{SECRET}@localhost:{port}/x"


def test_a_server_that_does_not_answer_is_one_sentence() -> None:
    pytest.importorskip("psycopg")
    url = unreachable()
    with pytest.raises(StoreError) as raised:
        open_storage(url)
    message = str(raised.value)
    assert message.startswith(f"cannot open the storage {url.replace(SECRET, '***')}: connection")
    assert "refused" in message
    assert "\n" not in message


@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # Optuna's own, from Python 3.13 on
def test_a_file_that_is_no_database_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "study.db"
    file.write_text("no database, and long enough to be read as one" * 100)
    with pytest.raises(StoreError, match=r"^cannot open the storage sqlite:////.*/study\.db: file is not a database$"):
        open_storage(sqlite_url(file))
    with pytest.raises(StoreError, match=r"^cannot make the folder of .*/study\.db/in/it\.db: Not a directory$"):
        open_storage(sqlite_url(file / "in" / "it.db"))
    gc.collect()  # so that it does not warn in another test


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://me:{SECRET}@localhost/study.log",
        f"redis://me:{SECRET}@localhost",
        f"postgresql+psycopg//me:{SECRET}@localhost/x",
        f"postgresql+psycopg://me:{SECRET}@localhost:port/x",
        f"postgresql+psycopg://me:a@b:{SECRET}@localhost:port/x",
        f"postgresql+nonsense://me:{SECRET}@localhost/x",
        f"postgresql+psycopg://me@localhost:1/x?password={SECRET}",
        f"mysql+pymysql://me:{SECRET}@localhost:1/x",
    ],
)
def test_the_password_is_in_no_message(url: str) -> None:
    with pytest.raises(AttnBenchError) as raised:
        open_storage(url)
    assert SECRET not in str(raised.value)
    assert SECRET not in shown_url(url)
    assert "localhost" in shown_url(url)


def test_a_storage_that_fails_in_the_middle_is_one_sentence(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "study.db")
    open_storage(url).engine.dispose()
    with pytest.raises(StoreError) as raised:
        lose_its_tables(tmp_path / "study.db", url)
    message = str(raised.value)
    assert message.startswith(f"the storage {url} has failed; the same command goes on from what it holds: no such tab")
    assert "\n" not in message


def lose_its_tables(file: Path, url: str) -> None:
    with using_storage(url, heartbeat_s=1) as storage:
        connection = sqlite3.connect(file)
        connection.execute("DROP TABLE studies")
        connection.close()
        optuna.create_study(storage=storage)


def test_an_error_of_the_study_itself_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), storage_errors("sqlite:///x"):
        _ = 1 / 0


def test_one_waiting_trial_is_never_given_to_two(storage_url: str, study_name: str) -> None:
    with using_storage(storage_url, heartbeat_s=1) as one, using_storage(storage_url, heartbeat_s=1) as other:
        studies = [optuna.create_study(storage=one, study_name=study_name, sampler=RandomSampler(seed=0))]
        studies.append(optuna.load_study(storage=other, study_name=study_name, sampler=RandomSampler(seed=1)))
        for number in range(60):
            studies[0].enqueue_trial({"x": number})
        begun: list[list[int]] = [[], []]

        def begin(worker: int) -> None:
            begun[worker] = [studies[worker].ask().number for _ in range(30)]

        workers = [threading.Thread(target=begin, args=(worker,)) for worker in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert sorted(begun[0] + begun[1]) == list(range(60))


def test_tables_that_another_process_makes_meanwhile_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = sqlite_url(tmp_path / "study.db")
    times = []

    def made_by_another(self: RDBStorage, *args: Any, **kwargs: Any) -> None:
        times.append(1)
        if len(times) == 1:
            raise sqlalchemy.exc.OperationalError("CREATE", {}, Exception("table studies already exists"))
        genuine(self, *args, **kwargs)

    genuine = RDBStorage.__init__
    monkeypatch.setattr(RDBStorage, "__init__", made_by_another)
    monkeypatch.setattr(storage_module, "_MAKING_S", 0)
    with using_storage(url, heartbeat_s=1) as storage:
        assert optuna.get_all_study_names(storage) == []
    assert len(times) == 2


def fall_silent(storage: RDBStorage, *, seconds: int = 3600) -> None:
    """Let all signs of life be so old."""
    heartbeats = optuna.storages._rdb.models.TrialHeartbeatModel
    with storage.engine.begin() as connection:
        (now,) = connection.execute(sqlalchemy.select(sqlalchemy.func.now())).one()
        long_ago = now.replace(tzinfo=None) - timedelta(seconds=seconds)
        connection.execute(sqlalchemy.update(heartbeats).values(heartbeat=long_ago))


def fail_stale(study: Study) -> None:
    with experimental():
        optuna.storages.fail_stale_trials(study)


def test_a_trial_whose_worker_died_before_its_first_sign_is_missed_too(storage: RDBStorage, study: Study) -> None:
    study.ask()
    fall_silent(storage)
    fail_stale(study)
    assert study.trials[0].state == TrialState.RUNNING  # what Optuna does by itself
    watch_unheard(storage, study.study_name)
    fail_stale(study)
    assert study.trials[0].state == TrialState.RUNNING
    fall_silent(storage)
    # It is watched once: who watches again does not keep it alive.
    watch_unheard(storage, study.study_name)
    fail_stale(study)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]


def test_others_see_no_trial_end_while_it_is_queued_again(storage_url: str, storage: RDBStorage, study: Study) -> None:
    seen = []
    genuine = storage.heartbeat_stale_trial_callback
    assert genuine is not None
    with using_storage(storage_url, heartbeat_s=1) as of_others:
        others = optuna.load_study(study_name=study.study_name, storage=of_others)

        def looked_at(study: Study, trial: FrozenTrial) -> None:
            seen.append((trial.state, counts(others)))
            genuine(study, trial)
            seen.append((study.trials[-1].state, counts(others)))

        storage.heartbeat_stale_trial_callback = looked_at
        storage.record_heartbeat(study.ask()._trial_id)
        fall_silent(storage)
        fail_stale(study)
    assert seen == [
        (TrialState.FAIL, Counts(ended=0, running=1, waiting=0)),
        (TrialState.WAITING, Counts(ended=0, running=0, waiting=1)),
    ]


def test_a_trial_in_which_workers_die_is_given_up_after_three_retries(storage: RDBStorage, study: Study) -> None:
    for _ in range(4):
        watched = study.ask()
        storage.record_heartbeat(watched._trial_id)
        fall_silent(storage)
        fail_stale(study)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL] * 4
    assert retries(study.trials[3]) == [0, 1, 2]


def test_interrupts_do_not_use_up_the_retries(storage: RDBStorage, study: Study) -> None:
    for _ in range(5):
        trial = study.ask()
        put_back(study, study.trials[trial.number])
        study.tell(trial, state=TrialState.FAIL)
    storage.record_heartbeat(study.ask()._trial_id)
    fall_silent(storage)
    fail_stale(study)
    assert study.trials[-1].state == TrialState.WAITING
    assert retries(study.trials[-1]) == [0, 1, 2, 3, 4, 5]
