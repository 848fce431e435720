import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from attnbench.detection_record import AveragePrecisions, DetectionEpoch, DetectionRecord
from attnbench.errors import StoreError
from attnbench.record import Record
from attnbench.report.detection.flat import json_text
from attnbench.report.export import (
    curves_table,
    detection_curves_table,
    detections_table,
    runs_table,
    write_parquet,
)
from attnbench.spec import PluginFile, Recipe
from tests.detection_records import make_detection_record
from tests.records import make_record
from tests.report.detection.records import board_of

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


DETECTED = [
    make_detection_record("none", detector="mask-rcnn", mask_skill=0.4, faults={"zero-area box": 2}),
    make_detection_record(
        "mine",
        seed=3,
        annotations=("train.json", "test.json"),
        plugin=PluginFile(path="mine.py", sha256="ab" * 32),
        forward_ms=(12.0, 11.0, 10.0, 30.0),
        baseline_forward_ms=(9.0, 8.0, 7.0, 6.0),
    ),
]


def expected_detection(record: DetectionRecord) -> dict[str, Any]:
    content = asdict(record)
    spec, values, timing = content["spec"], content["values"], content["timing"]
    figures = dict.fromkeys(AveragePrecisions.__dataclass_fields__)
    row = {"digest": content["digest"]}
    names = ("plugin", "detector_plugin", "data_plugin")
    plugins = {name: spec.pop(name) or {"path": None, "sha256": None} for name in names}
    row |= {name: value for name, value in spec.items() if not isinstance(value, dict)}
    parts = {name: spec[name] for name in ("recipe", "compute")}
    parts |= {**plugins, "environment": content["environment"], "timing": timing}
    row |= {f"{part}.{name}": value for part, fields in parts.items() for name, value in fields.items()}
    masks = values.pop("mask") or figures
    row |= values.pop("box") | values.pop("counts") | values | {f"mask_{name}": masks[name] for name in figures}
    row["timing.median_forward_ms"] = np.median(row.pop("timing.forward_ms"))
    row["timing.median_baseline_forward_ms"] = np.median(row.pop("timing.baseline_forward_ms"))
    plain = {tuple: list, dict: lambda value: list(value.items())}
    return {name: plain.get(type(value), lambda value: value)(value) for name, value in row.items()}


def test_a_row_holds_every_field_of_a_detectors_record() -> None:
    table = detections_table(DETECTED)
    assert table.to_pylist() == [expected_detection(record) for record in DETECTED]
    assert detections_table([]).schema == table.schema
    assert table["mask_ap_percent"].null_count == 1


def test_columns_of_detection_are_named_as_in_the_json_report() -> None:
    board = json.loads(json_text([board_of(DETECTED[:1])]))["detection"][0]
    row, columns = board["rows"][0], detections_table(DETECTED).to_pylist()[0]
    counts = ("parameters", "body_parameters", "body_macs", "pyramid_macs", "dense_macs", "region_macs", "num_regions")
    for name in (*counts, "ap_percent", "ap75_percent", "ap_small_percent", "mask_ap_percent", "mask_ap50_percent"):
        assert row[name] == pytest.approx(columns[name]), name


def test_curves_of_detection_have_losses_and_validations() -> None:
    validation = DETECTED[0].values.box
    point = DetectionEpoch(
        epoch=1, learning_rate=0.01, train_losses={"loss_mask": 0.5, "loss_objectness": 0.25}, validation=validation
    )
    rows = detection_curves_table([replace(DETECTED[0], curve=(point,)), DETECTED[1]]).to_pylist()
    assert rows[0]["train_losses"] == [("loss_mask", 0.5), ("loss_objectness", 0.25)]
    assert rows[0]["validation_ap50_percent"] == validation.ap50_percent
    assert [row["validation_ap_percent"] is None for row in rows] == [False, *([True] * 6)]
    assert [row["digest"] for row in rows[1:]] == [DETECTED[1].digest] * 6
    assert detection_curves_table([]).schema == detection_curves_table(DETECTED).schema
