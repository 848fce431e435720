from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attnbench.detection.saved import DetectorDescription, load_detector
from attnbench.detection_parts import build_run_detector, read_detection_data
from attnbench.detection_run import run_detection
from attnbench.detection_spec import DetectionRun
from attnbench.detection_suite import expand_detection
from attnbench.detector_training import fit_detector
from attnbench.errors import CheckpointError
from attnbench.models.description import DESCRIPTION
from attnbench.spec import PluginFile
from tests.tiny_detection import TINY_DETECTORS, tiny_detection

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def run_of(detector: str = "retinanet") -> DetectionRun:
    return expand_detection(tiny_detection(detector, "sge:groups=4", baseline="sge:groups=4", epochs=1))[0]


def written(folder: Path, description: object, **further: Any) -> Path:
    file = folder / "detector.ckpt"
    torch.save({"state_dict": {"model.weight": torch.zeros(1)}, DESCRIPTION: description, **further}, file)
    return file


@pytest.mark.parametrize("detector", list(TINY_DETECTORS))
def test_a_checkpoint_alone_gives_the_same_detections_bit_for_bit(detector: str, tmp_path: Path) -> None:
    spec, checkpoint = run_of(detector), tmp_path / "detector.ckpt"
    spec = replace(spec, detector=f"{spec.detector},score_threshold=0.001")  # it has hardly learned anything
    data = read_detection_data(spec)
    model = build_run_detector(spec, spec.attention, data, weights=None).model
    fit_detector(
        model, data, recipe=spec.recipe, compute=spec.compute, num_classes=10, has_masks=detector == "mask-rcnn",
        checkpoint=checkpoint, description=DetectorDescription(spec=spec, classes=data.classes).to_builtins(),
    )  # fmt: skip
    again, description = load_detector(checkpoint)
    assert (description.spec, description.classes) == (spec, CLASSES)
    assert not again.training
    images, _ = next(iter(data.test_dataloader()))
    with torch.inference_mode():
        expected, got = model.eval()(images), again(images)
    assert sum(len(found["scores"]) for found in expected) > 0
    for one, other in zip(expected, got, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_writes_what_its_detector_is(tmp_path: Path) -> None:
    spec, checkpoint = run_of(), tmp_path / "detector.ckpt"
    run_detection(spec, checkpoint=checkpoint)
    assert load_detector(checkpoint)[1] == DetectorDescription(spec=spec, classes=CLASSES)


def test_other_checkpoints_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(1)}, "epoch": 3}, tmp_path / "classifier.ckpt")
    with pytest.raises(CheckpointError, match=r"does not say what detector its weights are of.*state_dict, epoch"):
        load_detector(tmp_path / "classifier.ckpt")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"classes": 3}, "does not understand what detector it is: .*classes"),
        ({"spec": {"detector": "retinanet"}}, "does not understand what detector it is: .*attention"),
        ({"spec": {"colour": "red"}}, "does not understand what detector it is: .*unknown field spec.colour"),
    ],
)
def test_a_description_of_something_else_is_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    description = DetectorDescription(spec=run_of(), classes=CLASSES).to_builtins() | changed
    with pytest.raises(CheckpointError, match=message):
        load_detector(written(tmp_path, description))


def test_weights_of_another_detector_are_refused(tmp_path: Path) -> None:
    description = DetectorDescription(spec=run_of(), classes=CLASSES).to_builtins()
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_detector(written(tmp_path, description))


@pytest.mark.parametrize("part", ["attention", "detector"])
def test_a_file_that_a_checkpoint_names_is_not_imported(part: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('imported')")
    field = {"attention": "plugin", "detector": "detector_plugin"}[part]
    spec = replace(run_of(), **{part: "mine", field: PluginFile(path=str(file), sha256="0" * 64)})  # type: ignore[arg-type]
    description = DetectorDescription(spec=spec, classes=CLASSES).to_builtins()
    with pytest.raises(CheckpointError, match=r"'mine'.* no file is imported at .* word: name .*mine\.py with --i"):
        load_detector(written(tmp_path, description))


@pytest.mark.parametrize("part", ["attention", "backbone", "detector"])
def test_what_nobody_registers_may_be_the_users_own(part: str, tmp_path: Path) -> None:
    spec = replace(run_of(), **{part: "mine"})  # type: ignore[arg-type]
    description = DetectorDescription(spec=spec, classes=CLASSES).to_builtins()
    with pytest.raises(CheckpointError, match=r"unknown .*'mine'.* name the file that registers it, if it is your own"):
        load_detector(written(tmp_path, description))
