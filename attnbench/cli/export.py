"""`attnbench export`: the records of stores as tables for other programs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter

from attnbench.detection_record import DetectionStore
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
from attnbench.store import RecordFolder, Storable

R = TypeVar("R", bound=Storable)


def export(
    store: Path,
    /,
    *more: Path,
    parquet: Path,
    curves: Path | None = None,
    task: Literal["classification", "detection"] | None = None,
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
    task
        Whose runs, where the folders hold both kinds.
    correct
        Also a column of lists that say for each test image whether it was classified correctly.
    """
    if curves is not None and curves.resolve() == parquet.resolve():
        raise SpecError(f"runs and curves need files of their own; got {str(parquet)!r} for both")
    check_output_file(parquet, option="parquet")
    if curves is not None:
        check_output_file(curves, option="curves")
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
    if runs:
        _write(runs_table(runs, with_correct=correct), parquet, "runs")
    elif detected:
        _write(detections_table(detected), parquet, "runs")
    else:
        raise StoreError(f"{_named(folders)} holds no record of a run{f' of {task}' if task else ''} that can be read")
    if curves is not None:
        _write(curves_table(runs) if runs else detection_curves_table(detected), curves, "epochs")
    return 0


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


def _write(table: Any, file: Path, what: str) -> None:
    write_parquet(table, file)
    print(f"{table.num_rows:,} {what} in {file}")


def _named(folders: Sequence[Path]) -> str:
    return ", ".join(map(str, folders))
