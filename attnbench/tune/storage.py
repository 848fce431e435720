"""Where a study lives: an Optuna storage that several processes can share and that notices when one of them dies."""

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from attnbench.errors import MissingDependencyError, SpecError, StoreError
from attnbench.tune.experimental import experimental
from attnbench.tune.retrying import try_again

DEFAULT_HEARTBEAT_S = 5
"""Seconds between two signs of life of a trial."""

_GRACE = 6
_BUSY_S = 60
_MAKING_TIMES, _MAKING_S = 10, 0.2
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}
_DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
_ALLOWED = "sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME, mysql+pymysql://USER@HOST/NAME"

_UNHEARD = text(
    """
    SELECT trials.trial_id
    FROM trials
    JOIN studies ON studies.study_id = trials.study_id
    LEFT JOIN trial_heartbeats ON trial_heartbeats.trial_id = trials.trial_id
    WHERE studies.study_name = :study AND trials.state = 'RUNNING' AND trial_heartbeats.trial_id IS NULL
    """
)


def sqlite_url(file: Path) -> str:
    """The URL of a SQLite file."""
    return f"sqlite:///{file}"


def open_storage(url: str, *, heartbeat_s: int = DEFAULT_HEARTBEAT_S) -> RDBStorage:
    """Open the database of a study; its tables are made where they are missing.

    A running trial without a sign of life for six heartbeats is taken for dead, and tried again up to three times.

    Args:
        url: An Optuna URL: ``sqlite:///study.db``, ``postgresql+psycopg://user@host/database``, ``mysql+pymysql://…``.
        heartbeat_s: Seconds between two signs of life.

    Raises:
        SpecError: If the URL is none, or names a storage that loses trials.
        MissingDependencyError: If the database's driver is not installed.
        StoreError: If the database cannot be opened.
    """
    parsed = _checked(url)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    if is_sqlite:
        _make_folder(Path(str(parsed.database)))
    try:
        storage = _made(parsed, heartbeat_s)
    except ImportError as error:
        raise MissingDependencyError(
            f"the driver of {shown_url(url)} is not installed: pip install attnbench"
            f"[{_EXTRAS[parsed.get_backend_name()]}]; importing it says: {_first_line(error.__cause__ or error)}"
        ) from error
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        raise StoreError(f"cannot open the storage {shown_url(url)}: {_cause_of(error)}") from error
    if is_sqlite:
        # Or two workers would both read that a trial is waiting, and both begin it.
        event.listen(storage.engine, "begin", _lock)
    # From Python 3.13 on it warns of a connection that is dropped before it is closed.
    weakref.finalize(storage, storage.engine.dispose)
    return storage


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """What to say where a storage fails in the middle of a study."""
    try:
        yield
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
        raise StoreError(
            f"the storage {shown_url(url)} has failed; the same command goes on from what it holds: {_cause_of(error)}"
        ) from error


@contextmanager
def using_storage(url: str, *, heartbeat_s: int) -> Iterator[RDBStorage]:
    """Open a storage, say so where it fails meanwhile, and close its connections in the end."""
    with storage_errors(url):
        storage = open_storage(url, heartbeat_s=heartbeat_s)
        try:
            yield storage
        finally:
            storage.engine.dispose()


def watch_unheard(storage: RDBStorage, study: str) -> None:
    """Give every running trial that has none yet a first sign of life.

    Optuna misses no sign where there never was one: a worker that dies as it begins a trial, before its first, would
    leave it running for ever.

    Args:
        storage: The storage.
        study: Name of the study.
    """
    with storage.engine.connect() as connection:
        unheard = connection.execute(_UNHEARD, {"study": study}).scalars().all()
    for trial_id in unheard:
        storage.record_heartbeat(trial_id)


def shown_url(url: str) -> str:
    """A URL without its password, for messages and reports."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Wherever the password may be, it stands before the last @.
        return f"…@{url.rpartition('@')[2]}" if "@" in url else url
    hidden = {name: "***" if "pass" in name else value for name, value in parsed.query.items()}
    return parsed.set(query=hidden).render_as_string(hide_password=True)


def _checked(url: str) -> URL:
    if "journal" in url.split(":")[0] or url.endswith((".log", ".journal")):
        raise SpecError(
            "the journal storage has no heartbeat, so that a killed trial would run for ever, and cannot be read after "
            f"a torn line; got {shown_url(url)!r}, allowed: {_ALLOWED}"
        )
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause, which quotes the password too.
        raise SpecError(f"a storage is a URL; got {shown_url(url)!r}, allowed: {_ALLOWED}") from None
    backend = parsed.get_backend_name()
    if backend not in ("sqlite", *_EXTRAS):
        raise SpecError(
            f"a storage is of sqlite, postgresql or mysql, which know a heartbeat; got {shown_url(url)!r}, "
            f"allowed: {_ALLOWED}"
        )
    if backend == "sqlite" and (parsed.database in (None, "", ":memory:") or "mode=memory" in url):
        raise SpecError(f"workers cannot share a storage in memory; got {url!r}, allowed: sqlite:///FILE")
    # The drivers that the extras install are not those that SQLAlchemy takes where none is named.
    is_named = "+" in parsed.drivername or backend == "sqlite"
    return parsed if is_named else parsed.set(drivername=f"{backend}+{_DRIVERS[backend]}")


def _made(url: URL, heartbeat_s: int) -> RDBStorage:
    """Optuna's storage; of several processes that find no tables at once, those that come second try again."""
    engine: dict[str, object] = {"pool_pre_ping": True}
    if url.get_backend_name() == "sqlite":
        # Python's own transactions begin with the first write, too late to lock what was read before it.
        engine["connect_args"] = {"timeout": _BUSY_S, "isolation_level": None}
    for times_left in reversed(range(_MAKING_TIMES)):
        try:
            with experimental():
                return RDBStorage(
                    url.render_as_string(hide_password=False),
                    engine_kwargs=engine,
                    heartbeat_interval=heartbeat_s,
                    grace_period=_GRACE * heartbeat_s,
                    heartbeat_stale_trial_callback=try_again,
                )
        except DBAPIError as error:
            if "already exists" not in str(error) or times_left == 0:
                raise
            time.sleep(_MAKING_S)
    raise AssertionError("the last time returns or raises")


def _lock(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder of {file}: {error.strerror or error}") from error


def _cause_of(error: BaseException) -> str:
    """What the database itself says, in one line."""
    while not isinstance(error, DBAPIError) and error.__cause__ is not None:
        error = error.__cause__
    return _first_line(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
