"""Records as flat tables for other programs: one row a run, and one row an epoch of a run.

Columns bear the names of the fields in `attnbench.record` and `attnbench.spec`, and their types, so that the
tables of two stores have the same columns whatever they hold.
"""

import types
import typing
from collections.abc import Sequence
from dataclasses import is_dataclass
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from attnbench.errors import MissingDependencyError, StoreError
from attnbench.record import Environment, Epoch, Record, Timing, Values
from attnbench.spec import Compute, Measure, PluginFile, Recipe, RunSpec
from attnbench.store import write_whole

_PARTS: tuple[tuple[str, str, type], ...] = (
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
"""Prefix of the columns, place in a record, and class of the parts that are laid side by side."""


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
    import pyarrow

    columns = {"digest": pyarrow.array([record.digest for record in records], pyarrow.string())}
    for prefix, place, part_class in _PARTS:
        parts = [attrgetter(place)(record) for record in records]
        for name, annotation in _flat_fields(part_class).items():
            values = [getattr(part, name, None) for part in parts]  # a run without a plugin has no such part
            columns[prefix + name] = _column(values, annotation)
    for name in ("forward_ms", "baseline_forward_ms"):
        medians = [median(getattr(record.timing, name)) for record in records]
        columns[f"timing.median_{name}"] = pyarrow.array(medians, pyarrow.float64())
    if with_correct:
        columns["test_correct"] = _correct(records)
    return pyarrow.table(columns)


def curves_table(records: Sequence[Record]) -> Any:
    """One row an epoch of a record.

    Returns:
        A `pyarrow.Table` with the column `digest` and the fields of `Epoch`.
    """
    import pyarrow

    digests = [record.digest for record in records for _ in record.curve]
    points = [point for record in records for point in record.curve]
    columns = {"digest": pyarrow.array(digests, pyarrow.string())}
    for name, annotation in _flat_fields(Epoch).items():
        columns[name] = _column([getattr(point, name) for point in points], annotation)
    return pyarrow.table(columns)


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

    arrow_types = {
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
        tuple[int, ...]: pyarrow.list_(pyarrow.int64()),
        tuple[int, int, int]: pyarrow.list_(pyarrow.int64()),
        dict[str, int]: pyarrow.map_(pyarrow.string(), pyarrow.int64()),
        dict[str, str]: pyarrow.map_(pyarrow.string(), pyarrow.string()),
    }
    is_choice = typing.get_origin(annotation) is typing.Literal
    if typing.get_origin(annotation) is dict:
        values = [list(value.items()) for value in values]
    return pyarrow.array(values, arrow_types[str if is_choice else annotation])


def _correct(records: Sequence[Record]) -> Any:
    import pyarrow

    offsets = np.cumsum([0, *(record.test_correct.num_bits for record in records)], dtype=np.int64)
    answers = [record.test_correct.unpack() for record in records]
    return pyarrow.LargeListArray.from_arrays(offsets, np.concatenate([np.empty(0, np.bool_), *answers]))
