"""Records as flat tables for other programs: one row a run, and one row an epoch of a run.

Columns bear the names of the fields in `attnbench.record` and `attnbench.spec`, and their types, so that the
tables of two stores have the same columns whatever they hold. Those of detection bear the names in
`attnbench.detection_record` and `attnbench.detection_spec`, with ``mask_`` before the figures of masks, as in
`attnbench report --format json`.
"""

import builtins
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy as np

from attnbench.detection_record import (
    AveragePrecisions,
    DetectionEpoch,
    DetectionRecord,
    DetectionTiming,
    DetectionValues,
    DetectorCounts,
)
from attnbench.detection_spec import DetectionRecipe, DetectionRun
from attnbench.errors import MissingDependencyError, StoreError
from attnbench.record import Environment, Epoch, Record, Timing, Values
from attnbench.spec import Compute, Measure, PluginFile, Recipe, RunSpec
from attnbench.store import write_whole

_Parts: TypeAlias = tuple[tuple[str, str, type], ...]
"""Prefix of the columns, place in a record, and class of the parts that are laid side by side."""

_RUN: _Parts = (
    ("", "spec", RunSpec),
    ("plugin.", "spec.plugin", PluginFile),
    ("data_plugin.", "spec.data_plugin", PluginFile),
    ("recipe.", "spec.recipe", Recipe),
    ("compute.", "spec.compute", Compute),
    ("measure.", "spec.measure", Measure),
    ("", "values", Values),
    ("environment.", "environment", Environment),
    ("timing.", "timing", Timing),
)
_DETECTION: _Parts = (
    ("", "spec", DetectionRun),
    ("plugin.", "spec.plugin", PluginFile),
    ("detector_plugin.", "spec.detector_plugin", PluginFile),
    ("data_plugin.", "spec.data_plugin", PluginFile),
    ("recipe.", "spec.recipe", DetectionRecipe),
    ("compute.", "spec.compute", Compute),
    ("", "values.box", AveragePrecisions),
    ("mask_", "values.mask", AveragePrecisions),
    ("", "values.counts", DetectorCounts),
    ("", "values", DetectionValues),
    ("environment.", "environment", Environment),
    ("timing.", "timing", DetectionTiming),
)
_EPOCH: _Parts = (("", "", Epoch),)
_DETECTION_EPOCH: _Parts = (("", "", DetectionEpoch), ("validation_", "validation", AveragePrecisions))


def check_export() -> None:
    """See that tables can be written.

    Raises:
        MissingDependencyError: If pyarrow is not installed.
    """
    try:
        import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingDependencyError(
            f"Parquet needs pyarrow: pip install attnbench[export]; importing it says: {error}"
        ) from error


def runs_table(records: Sequence[Record], *, with_correct: bool = False) -> Any:
    """One row a record.

    Args:
        records: The records.
        with_correct: Whether there is a column `test_correct`, for each test image whether it was right.

    Returns:
        A `pyarrow.Table`. Instead of the times of all passes it has their medians, `timing.median_forward_ms` and
        `timing.median_baseline_forward_ms`.
    """
    columns = _run_columns(records, _RUN)
    return _table(columns | {"test_correct": _correct(records)} if with_correct else columns)


def detections_table(records: Sequence[DetectionRecord]) -> Any:
    """One row a record of a detector; what it has no masks for is null.

    Returns:
        A `pyarrow.Table`, with medians as `runs_table` has them.
    """
    return _table(_run_columns(records, _DETECTION))


def curves_table(records: Sequence[Record]) -> Any:
    """One row an epoch of a record.

    Returns:
        A `pyarrow.Table` with the column `digest` and the fields of `Epoch`.
    """
    return _table(_epoch_columns(records, _EPOCH))


def detection_curves_table(records: Sequence[DetectionRecord]) -> Any:
    """One row an epoch of a detector's record.

    Returns:
        A `pyarrow.Table` with the column `digest`, the fields of `DetectionEpoch`, and with ``validation_`` before
        their names the figures of the validation split, null where the epoch was not validated.
    """
    return _table(_epoch_columns(records, _DETECTION_EPOCH))


def write_parquet(table: Any, file: Path) -> None:
    """Write a table as a Parquet file, whole or not at all.

    Args:
        table: A `pyarrow.Table`.
        file: Where it goes; what was there is replaced.

    Raises:
        StoreError: If the file cannot be written.
    """
    import pyarrow
    from pyarrow import parquet

    written = pyarrow.BufferOutputStream()
    parquet.write_table(table, written)
    try:
        write_whole(file, written.getvalue().to_pybytes())
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror or error}") from error


def _run_columns(records: Sequence[Record] | Sequence[DetectionRecord], parts: _Parts) -> dict[str, Any]:
    import pyarrow

    columns = _columns([record.digest for record in records], records, parts)
    for name in ("forward_ms", "baseline_forward_ms"):
        medians = [median(getattr(record.timing, name)) for record in records]
        columns[f"timing.median_{name}"] = pyarrow.array(medians, pyarrow.float64())
    return columns


def _epoch_columns(records: Sequence[Record] | Sequence[DetectionRecord], parts: _Parts) -> dict[str, Any]:
    digests = [record.digest for record in records for _ in record.curve]
    return _columns(digests, [point for record in records for point in record.curve], parts)


def _columns(digests: Sequence[str], rows: Sequence[object], parts: _Parts) -> dict[str, Any]:
    """A column for each field of each part, a row for each object that has the parts."""
    import pyarrow

    columns = {"digest": pyarrow.array(digests, pyarrow.string())}
    for prefix, place, part_class in parts:
        found = [attrgetter(place)(row) if place else row for row in rows]
        for name, annotation in _flat_fields(part_class).items():
            values = [getattr(part, name, None) for part in found]  # such as of a run without a plugin
            columns[prefix + name] = _column(values, annotation)
    return columns


def _table(columns: Mapping[str, Any]) -> Any:
    import pyarrow

    return pyarrow.table(columns)


def _flat_fields(part_class: type) -> dict[str, Any]:
    """Fields by name with their types, but for parts that have columns of their own and the times of all passes."""
    fields = {name: _without_none(hint) for name, hint in typing.get_type_hints(part_class).items()}
    return {name: hint for name, hint in fields.items() if not is_dataclass(hint) and hint != tuple[float, ...]}


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (annotation,) = (choice for choice in typing.get_args(annotation) if choice is not types.NoneType)
    return annotation


def _column(values: list[Any], annotation: Any) -> Any:
    import pyarrow

    if typing.get_origin(annotation) is dict:
        values = [list(value.items()) for value in values]
    return pyarrow.array(values, _arrow_type(annotation))


def _arrow_type(annotation: Any) -> Any:
    """The type of a column: lists of a tuple's first type, maps of a dictionary's two, text of a choice."""
    import pyarrow

    inner = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case builtins.tuple:
            return pyarrow.list_(_arrow_type(inner[0]))
        case builtins.dict:
            return pyarrow.map_(*map(_arrow_type, inner))
        case typing.Literal:
            return pyarrow.string()
    plain = {bool: pyarrow.bool_(), int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    return plain[annotation]


def _correct(records: Sequence[Record]) -> Any:
    import pyarrow

    offsets = np.cumsum([0, *(record.test_correct.num_bits for record in records)], dtype=np.int64)
    answers = [record.test_correct.unpack() for record in records]
    return pyarrow.LargeListArray.from_arrays(offsets, np.concatenate([np.empty(0, np.bool_), *answers]))
