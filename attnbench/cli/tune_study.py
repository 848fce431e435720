"""The study that a command line means: a new one, or one to go on with."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from attnbench.cli.tune_options import StudyOptions
from attnbench.errors import SpecError, StoreError
from attnbench.tune_spec import TuneSpec
from attnbench.variant import Variant

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study, and where it is kept."""

    study: "Study"
    """The study."""
    spec: TuneSpec
    """What it searches."""
    name: str
    """Its name in the storage."""
    url: str
    """URL of the storage."""
    folder: Path
    """Its folder: checkpoints, pictures, report."""
    is_checked: bool
    """Whether this machine is known to have what its trials need."""


def open_study(spec: TuneSpec | None, where: StudyOptions) -> Opened:
    """Make a study, or find it.

    Args:
        spec: What it searches; none for a study that is there already, and knows.
        where: Its name and place.

    Raises:
        SpecError: If there is none to go on with, or one of that name searches something else.
        UnknownNameError: If the storage has none of that name.
        StoreError: If storage or folder cannot be used.
    """
    from attnbench.plugins import import_plugins
    from attnbench.tune.setup import check_spec
    from attnbench.tune.storage import open_storage, sqlite_url, storage_errors
    from attnbench.tune.study import load_study, start_study, study_spec

    name = where.study if where.study is not None else _name(spec)
    if not re.fullmatch(r"[\w.=-]+", name):
        raise SpecError(f"a study's name is a folder's too, made of letters, digits and . _ = -; got {name!r}")
    folder = where.folder / name
    url = where.storage or sqlite_url(folder / "study.db")
    if spec is None and where.storage is None and not (folder / "study.db").exists():
        raise SpecError(f"there is no study {name!r} in {where.folder}; name what to tune with --attention")
    is_checked = spec is not None
    if spec is not None:
        check_spec(spec)  # first, so that a mistake leaves no study behind
    _make_folder(folder)
    with storage_errors(url):
        storage = open_storage(url, heartbeat_s=where.heartbeat)
        if spec is None:
            spec = study_spec(storage, name)
            import_plugins(spec.imports)
            study = load_study(storage, name, spec, seed=spec.search_seed)
        else:
            study = start_study(storage, name, spec)
    return Opened(study=study, spec=spec, name=name, url=url, folder=folder, is_checked=is_checked)


def _name(spec: TuneSpec | None) -> str:
    assert spec is not None
    return f"{Variant.parse(spec.run.attention).name}-{Variant.parse(spec.run.data).name}"


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder}: {error.strerror or error}") from error
