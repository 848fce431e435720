"""`attnbench export`: the records of stores as tables for other programs."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from cyclopts import Parameter

from attnbench.detection_record import DetectionStore
from attnbench.diverged_record import DivergedStore, Task
from attnbench.errors import SpecError, StoreError
from attnbench.paths import check_output_file
from attnbench.record import Store
from attnbench.report.export import (
    check_export,
    curves_table,
    detection_curves_table,
    detections_table,
    runs_table,
    write_parquet,
)
from attnbench.report.export_scores import corrupted_table, maps_table
from attnbench.report.numbers import plural
from attnbench.store import RecordFolder, Storable

R = TypeVar("R", bound=Storable)


def export(
    store: Path,
    /,
    *more: Path,
    parquet: Path,
    curves: Path | None = None,
    maps: Path | None = None,
    corrupted: Path | None = None,
    task: Task | None = None,
    correct: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Write the records of stores as Parquet files, one row a run.

    Parameters
    ----------
    store
        Folder of the records.
    more
        Further folders; a run that is in several counts once.
    parquet
        File to write: what was run, where, and what came out; one row a run.
    curves
        File to write as well: the learning curves; one row an epoch of a run, with the run's digest.
    maps
        File to write as well: how much of each kind of map lies on the object; one row a kind of map of a run.
    corrupted
        File to write as well: accuracy on corrupted images; one row a corruption and strength of a run.
    task
        Whose runs, where the folders hold both kinds.
    correct
        Also a column of lists that say for each test image whether it was classified correctly.
    """
    _check_files({"parquet": parquet, "curves": curves, "maps": maps, "corrupted": corrupted})
    check_export()
    folders = (store, *more)
    runs = [] if task == "detection" else _read([Store(folder) for folder in folders])
    detected = [] if task == "classification" else _read([DetectionStore(folder) for folder in folders])
    if runs and detected:
        raise SpecError(
            f"--parquet holds one kind of run, and {_named(folders)} holds runs of classification and of detection: "
            "choose one by --task"
        )
    if correct and detected:
        raise SpecError("--correct is of images that were classified; got it with runs of detection")
    if detected and (maps is not None or corrupted is not None):
        raise SpecError(
            "--maps and --corrupted are of images that were classified; got one of them with runs of detection"
        )
    if runs:
        _write(runs_table(runs, with_correct=correct), parquet, "runs")
    elif detected:
        _write(detections_table(detected), parquet, "runs")
    else:
        _say_diverged(folders, *((task,) if task else get_args(Task)))
        raise StoreError(f"{_named(folders)} holds no record of a run{f' of {task}' if task else ''} that can be read")
    _say_diverged(folders, "classification" if runs else "detection")
    if maps is not None:
        _write(maps_table(runs), maps, "maps")
    if corrupted is not None:
        _write(corrupted_table(runs, with_correct=correct), corrupted, "passes over corrupted images")
    if curves is not None:
        _write(curves_table(runs) if runs else detection_curves_table(detected), curves, "epochs")
    return 0


_HOLDS = {"parquet": "runs", "curves": "curves", "maps": "maps", "corrupted": "corrupted images"}
"""What stands in the file of each option."""


def _check_files(files: Mapping[str, Path | None]) -> None:
    """Hold the files to what can be written, each to one table."""
    owners: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        owner = owners.setdefault(file.resolve(), option)
        if owner != option:
            both = f"{_HOLDS[owner]} and {_HOLDS[option]}"
            raise SpecError(f"{both} need files of their own; got {str(file)!r} for both")
        check_output_file(file, option=option)


def _read(stores: Sequence[RecordFolder[R]]) -> list[R]:
    """The records of all folders, the first of each digest; what cannot be read is named."""
    records = dict[str, R]()
    for folder in stores:
        found, problems = folder.read()
        for problem in problems:
            print(problem, file=sys.stderr)
        for record in found:
            records.setdefault(record.digest, record)
    return list(records.values())


def _say_diverged(folders: Sequence[Path], *tasks: Task) -> None:
    """Say how many runs of the file's kind diverged: a mean over the rest alone is too good."""
    number = sum(run.task in tasks for run in _read([DivergedStore(folder) for folder in folders]))
    if number:
        print(f"{plural(number, 'run')} diverged and {'is' if number == 1 else 'are'} in no file.", file=sys.stderr)


def _write(table: Any, file: Path, what: str) -> None:
    write_parquet(table, file)
    print(f"{table.num_rows:,} {what} in {file}")


def _named(folders: Sequence[Path]) -> str:
    return ", ".join(map(str, folders))
