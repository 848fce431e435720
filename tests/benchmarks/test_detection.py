import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import detection
from benchmarks.detection import OURS, THEIRS, Row


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"backbone": "resnet18", "size": 64, "images": 1, "device": "cpu", "threads": 1}


@pytest.mark.parametrize("detector", ["faster-rcnn", "mask-rcnn", "retinanet"])
def test_both_sides_have_the_same_layers(detector: str, settings: dict[str, Any]) -> None:
    sizes = [
        sorted(tuple(parameter.shape) for parameter in detection.make(side, detector, settings).parameters())
        for side in (OURS, THEIRS)
    ]
    assert sizes[0] == sizes[1]


def test_a_step_trains_and_an_inference_does_not(settings: dict[str, Any]) -> None:
    model = detection.make(OURS, "retinanet", settings)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    detection.inference_step(model, settings)()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    detection.training_step(model, "retinanet", settings)()
    assert any(not torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_rows_are_written_with_ratios_of_ours_over_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Row("cascade-rcnn", 1500.0, (2.0, 1.9, 2.1), 700.0, (1.5, 1.4, 1.6), 9, 3_000_000_000, 2_000_000_000)
    monkeypatch.setattr(detection, "measure", lambda detector, settings: row)
    assert detection.main(["--detectors", "cascade-rcnn", "--output", str(tmp_path)]) == 0
    text = (tmp_path / "detection.txt").read_text()
    line = next(line for line in text.splitlines() if line.startswith("cascade-rcnn  "))
    assert line.split() == [
        "cascade-rcnn", "1500", "2.000", "[1.900", "…", "2.100]", "700", "1.500", "[1.400", "…", "1.600]", "3000",
        "1.500", "9",
    ]  # fmt: skip
    assert "torchvision's Faster R-CNN" in text
    assert json.loads((tmp_path / "detection.json").read_text())["rows"][0]["detector"] == "cascade-rcnn"
