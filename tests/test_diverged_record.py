import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from attnbench.detection_record import DetectionStore
from attnbench.diverged_record import DivergedClassification, DivergedDetection, DivergedRun, DivergedStore
from attnbench.errors import RecordError
from attnbench.record import Store
from attnbench.spec import RunSpec, digest
from tests.detection_records import make_detection_record
from tests.diverged_records import diverged_in_place_of
from tests.records import make_record

CLASSIFIER = diverged_in_place_of(make_record())
DETECTOR = diverged_in_place_of(make_detection_record())


@pytest.mark.parametrize(("run", "record_class"), [(CLASSIFIER, DivergedClassification), (DETECTOR, DivergedDetection)])
def test_comes_back_whole_as_what_it_was(run: DivergedRun[Any, Any], record_class: type[Any], tmp_path: Path) -> None:
    store = DivergedStore(tmp_path)
    assert store.add(run) == tmp_path / f"{run.digest}.diverged.json"
    (back,), problems = store.read()
    assert problems == []
    assert back == run
    assert type(back) is record_class
    assert len(back.curve) == 1
    assert back.place == "step 57 (epoch 2 of 6)"


def test_kinds_of_records_stand_beside_each_other(tmp_path: Path) -> None:
    record, detected = make_record(seed=1), make_detection_record(seed=1)
    Store(tmp_path).add(record)
    DetectionStore(tmp_path).add(detected)
    for run in (CLASSIFIER, DETECTOR):
        DivergedStore(tmp_path).add(run)
    assert Store(tmp_path).read() == ([record], [])
    assert DetectionStore(tmp_path).read() == ([detected], [])
    assert DivergedStore(tmp_path).digests() == sorted([CLASSIFIER.digest, DETECTOR.digest])


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"digest": "0" * 16}, f"its spec has the digest {CLASSIFIER.digest}"),
        ({"epoch": 7}, r"epoch must lie in \[1, 6\]; got 7"),
        ({"epoch": 3}, "its curve must have the epochs before epoch 3, counted from 1"),
        ({"curve": []}, "its curve must have the epochs before epoch 2, counted from 1"),
        ({"step": 1}, "step must be at least 1 in each epoch; got step 1 in epoch 2"),
        ({"wall_s": -1.0}, "wall_s must not be negative; got -1"),
        ({"value": "2.5"}, "Invalid enum value '2.5'"),
        ({"task": "detection"}, "missing required field"),
        ({"task": "tuning"}, "Invalid enum value 'tuning'"),
    ],
)
def test_what_contradicts_itself_is_damaged(changes: dict[str, Any], fault: str) -> None:
    content = json.loads(CLASSIFIER.to_json()) | changes
    with pytest.raises(RecordError, match=rf"^a\.json is damaged: .*{fault}"):
        DivergedRun.from_json(json.dumps(content).encode(), source="a.json")


def test_a_newer_layout_is_refused_by_name() -> None:
    content = json.loads(CLASSIFIER.to_json()) | {"schema": 2, "task": "tuning"}
    with pytest.raises(RecordError, match=r"^a\.json has schema 2; this attnbench reads up to 1"):
        DivergedRun.from_json(json.dumps(content).encode(), source="a.json")


def test_an_epoch_beyond_any_curve_fills_no_memory() -> None:
    content = json.loads(diverged_in_place_of(make_record()).to_json())
    content["spec"]["recipe"]["epochs"] = content["epoch"] = content["step"] = 2**60
    spec = msgspec.convert(content["spec"], RunSpec)
    with pytest.raises(RecordError, match="its curve must have the epochs before epoch 1152921504606846976"):
        DivergedRun.from_json(json.dumps({**content, "digest": digest(spec)}).encode(), source="x")
