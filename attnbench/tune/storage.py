"""Where a study lives: an Optuna storage that several processes can share and that notices when one of them dies."""

from pathlib import Path

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

from attnbench.errors import MissingDependencyError, SpecError, StoreError
from attnbench.tune.experimental import experimental

DEFAULT_HEARTBEAT_S = 5
"""Seconds between two signs of life of a trial."""

_GRACE = 6
_MOST_RETRIES = 3
_BUSY_S = 60
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


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
    engine: dict[str, object] = {"pool_pre_ping": True}
    if parsed.get_backend_name() == "sqlite":
        _make_folder(Path(str(parsed.database)))
        engine["connect_args"] = {"timeout": _BUSY_S}
    try:
        with experimental():
            return RDBStorage(
                url,
                engine_kwargs=engine,
                heartbeat_interval=heartbeat_s,
                grace_period=_GRACE * heartbeat_s,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=_MOST_RETRIES),
            )
    except ImportError as error:
        extra = _EXTRAS[parsed.get_backend_name()]
        raise MissingDependencyError(
            f"the driver of {shown_url(url)} is not installed: pip install attnbench[{extra}]; importing it says: "
            f"{_first_line(error)}"
        ) from error
    except (SQLAlchemyError, RuntimeError, optuna.exceptions.OptunaError) as error:
        cause = error.orig if isinstance(error, OperationalError) and error.orig else error
        raise StoreError(f"cannot open the storage {shown_url(url)}: {_first_line(cause)}") from error


def shown_url(url: str) -> str:
    """A URL without its password, for messages and reports."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def retries(trial: optuna.trial.FrozenTrial) -> list[int]:
    """Numbers of the earlier attempts that a trial repeats, first to last."""
    with experimental():
        return RetryHeartbeatStaleTrialCallback.retry_history(trial)


def _checked(url: str) -> URL:
    if "journal" in url.split(":")[0] or url.endswith((".log", ".journal")):
        raise SpecError(
            "the journal storage has no heartbeat, so that a killed trial would run for ever, and cannot be read after "
            f"a torn line; got {url!r}, allowed: sqlite:///FILE, postgresql+psycopg://…, mysql+pymysql://…"
        )
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SpecError(
            f"a storage is a URL: sqlite:///FILE, postgresql+psycopg://USER@HOST/NAME, mysql+pymysql://…; got {url!r}"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", *_EXTRAS):
        raise SpecError(f"a storage is of sqlite, postgresql or mysql, which know a heartbeat; got {shown_url(url)!r}")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise SpecError(f"workers cannot share a storage in memory; got {url!r}, allowed: sqlite:///FILE")
    return parsed


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder of {file}: {error.strerror or error}") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
