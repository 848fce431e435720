from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from attnbench.errors import StoreError
from attnbench.record import Record
from attnbench.report.export import curves_table, runs_table, write_parquet
from attnbench.spec import PluginFile, Recipe
from tests.records import make_record

RECORDS = [
    make_record("none", top1=80.0),
    make_record(
        "mine",
        seed=3,
        top1=85.5,
        recipe=Recipe(epochs=2, schedule="step", step_epochs=(1,), gradient_clip_norm=2.0),
        plugin=PluginFile(path="mine.py", sha256="ab" * 32),
        forward_ms=(12.0, 11.0, 10.0, 30.0),
        baseline_forward_ms=(9.0, 8.0, 7.0, 6.0),
    ),
]


def expected_row(record: Record) -> dict[str, Any]:
    content = asdict(record)
    spec, timing = content["spec"], content["timing"]
    row = {"digest": content["digest"]}
    plugins = {name: spec.pop(name) or {"path": None, "sha256": None} for name in ("plugin", "data_plugin")}
    row |= {name: value for name, value in spec.items() if not isinstance(value, dict)}
    parts = {name: spec[name] for name in ("recipe", "compute", "measure")}
    parts |= {**plugins, "environment": content["environment"], "timing": timing}
    row |= {f"{part}.{name}": value for part, fields in parts.items() for name, value in fields.items()}
    row |= content["values"]
    row["timing.median_forward_ms"] = np.median(row.pop("timing.forward_ms"))
    row["timing.median_baseline_forward_ms"] = np.median(row.pop("timing.baseline_forward_ms"))
    plain = {tuple: list, dict: lambda value: list(value.items())}
    return {name: plain.get(type(value), lambda value: value)(value) for name, value in row.items()}


def test_a_row_holds_every_field_of_its_record() -> None:
    assert runs_table(RECORDS).to_pylist() == [expected_row(record) for record in RECORDS]


def test_the_columns_do_not_depend_on_what_the_records_hold() -> None:
    schema = runs_table(RECORDS, with_correct=True).schema
    assert runs_table(RECORDS[:1], with_correct=True).schema == schema
    assert runs_table([], with_correct=True).schema == schema
    assert schema.field("recipe.gradient_clip_norm").type == pyarrow.float64()
    assert schema.field("plugin.sha256").type == pyarrow.string()
    assert curves_table([]).schema == curves_table(RECORDS).schema


def test_answers_are_lists_of_booleans() -> None:
    columns = runs_table(RECORDS, with_correct=True)["test_correct"]
    for record, answers in zip(RECORDS, columns.to_pylist(), strict=True):
        np.testing.assert_array_equal(answers, record.test_correct.unpack())
    assert "test_correct" not in runs_table(RECORDS).column_names


def test_curves_have_a_row_an_epoch() -> None:
    rows = curves_table(RECORDS).to_pylist()
    assert rows == [{"digest": record.digest, **asdict(point)} for record in RECORDS for point in record.curve]
    assert len(rows) == 6 + 2


def test_a_file_comes_back_and_replaces_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "runs.parquet"
    file.write_text("old")
    table = runs_table(RECORDS, with_correct=True)
    write_parquet(table, file)
    assert parquet.read_table(file).equals(table)
    assert [path.name for path in tmp_path.iterdir()] == ["runs.parquet"]


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.parquet").mkdir()
    with pytest.raises(StoreError, match=r"cannot write .*runs\.parquet: Is a directory"):
        write_parquet(curves_table(RECORDS), tmp_path / "runs.parquet")
