"""The files of checkpoints and results: `evaluate`, `convert`, `train --checkpoint`, `leaderboard --checkpoints`."""

import errno
import json
import os
from pathlib import Path

import pytest
import torch

import attnbench
from attnbench.cli import main
from attnbench.detection.saved import DetectorDescription
from attnbench.detection_spec import DetectionRun
from attnbench.models.checkpoint import read_checkpoint
from attnbench.models.description import DESCRIPTION
from attnbench.record import Store
from attnbench.spec_io import to_yaml
from tests.tiny import BACKBONE, DATA, tiny_suite


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    model = attnbench.create_model(BACKBONE, "sge:groups=4", num_classes=10, in_channels=1, image_size=(28, 28))
    torch.save({"state_dict": {f"module.{name}": value for name, value in model.state_dict().items()}}, tmp_path / "a")
    return tmp_path / "a"


def words(checkpoint: Path, /, **changed: str) -> list[str]:
    options = {
        "checkpoint": str(checkpoint), "attention": "sge:groups=4", "backbone": BACKBONE, "data": DATA, "device": "cpu",
    } | changed  # fmt: skip
    return ["evaluate", *(word for name, value in options.items() for word in (f"--{name}", value))]


def test_evaluate_prints_and_writes_what_it_found(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(checkpoint, output=str(tmp_path / "result.json"))) == 0
    printed = capsys.readouterr().out
    result = json.loads((tmp_path / "result.json").read_text())
    assert f"top-1        {result['test_top1_percent']:.3f} % of 40 test images" in printed
    assert result["test_correct"]["num_bits"] == 40
    assert f"parameters   {result['parameters']:,}" in printed


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"attention": "se:reduction=2"}, "'layer1.0.se.squeeze.weight' is not in the checkpoint"),
        ({"attention": "sgee"}, "did you mean 'sge'"),
        ({"checkpoint": "nowhere.pth"}, "cannot read nowhere.pth: No such file or directory"),
        (
            {"output": "nowhere/result.json"},
            "output must be a file in a folder that exists; got output='nowhere",
        ),
        ({"output": "."}, "output must be a file in a folder that exists; got output='.'"),
        ({"batch-size": "0"}, "batch_size must be at least 1"),
        ({"threads": "-1"}, "threads must be at least 1"),
    ],
)
def test_evaluate_says_in_one_sentence_what_is_wrong(
    checkpoint: Path, changed: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(checkpoint, **changed)) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_result_that_cannot_be_written_is_printed_and_leaves_the_old_file(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "result.json").write_text("old")

    def no_space(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    assert main(words(checkpoint, output=str(folder / "result.json"))) == 2
    captured = capsys.readouterr()
    assert "top-1 " in captured.out
    assert captured.err == f"error: cannot write {folder / 'result.json'}: No space left on device\n"
    assert [file.name for file in folder.iterdir()] == ["result.json"]
    assert (folder / "result.json").read_text() == "old"


def test_a_result_replaces_the_old_one(checkpoint: Path, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_text("old")
    assert main(words(checkpoint, output=str(file))) == 0
    assert json.loads(file.read_text())["attention"] == "sge:groups=4"


def test_train_refuses_a_checkpoint_without_a_folder_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["--backbone", BACKBONE, "--data", DATA, "--device", "cpu", "--checkpoint", "nowhere/sge.ckpt"]
    assert main(["train", "--attention", "sge:groups=4", *arguments]) == 2
    assert "checkpoint must be a file in a folder that exists; got checkpoint='nowhere/sge.ckpt'" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "records").exists()


def test_convert_writes_a_plain_state_dict(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "plain.safetensors"
    shape = ["--num-classes", "10", "--in-channels", "1", "--image-size", "28"]
    arguments = ["convert", str(checkpoint), str(output), "--backbone", BACKBONE, "--attention", "sge:groups=4", *shape]
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith(f"tensors in {output}\n")
    wrapped = read_checkpoint(checkpoint)["state_dict"]
    plain = read_checkpoint(output)
    assert {f"module.{name}" for name in plain} == set(wrapped)
    assert all(torch.equal(value, wrapped[f"module.{name}"]) for name, value in plain.items())


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_leaderboard_leaves_a_checkpoint_of_each_run_and_trains_what_has_none(
    workers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(to_yaml(tiny_suite(epochs=1)))
    words = ["leaderboard", "suite.yaml", "--workers", workers]
    assert main(words) == 0
    records = sorted(Path("records").glob("*.json"))
    before = [file.read_bytes() for file in records]
    # Recorded, but without checkpoints: both are trained again, and the records stay.
    assert main([*words, "--checkpoints", "models"]) == 0
    names = sorted(file.name for file in Path("models").iterdir())
    assert {name.rpartition("-")[0] for name in names} == {"none-seed0", "sge_groups_4-seed0"}
    assert {name.rpartition("-")[2].removesuffix(".ckpt") for name in names} == {file.stem for file in records}
    assert [file.read_bytes() for file in records] == before
    kept, lost = (Path("models") / name for name in names)
    changed = kept.stat().st_mtime_ns
    lost.unlink()
    assert main([*words, "--checkpoints", "models"]) == 0
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == changed
    capsys.readouterr()
    # The file alone says what is tested, and on what.
    assert main(["evaluate", "--checkpoint", str(lost), "--device", "cpu", "--output", "result.json"]) == 0
    printed = capsys.readouterr().out
    record = Store(Path("records")).get(lost.stem.rpartition("-")[2])
    assert printed.startswith(f"sge:groups=4 in {BACKBONE} on {DATA}: models/")
    assert json.loads(Path("result.json").read_text())["test_correct"]["data"] == record.test_correct.data


def test_options_override_what_a_checkpoint_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sge.ckpt"
    train = ["--backbone", BACKBONE, "--data", DATA, "--device", "cpu", "--epochs", "1", "--store", str(tmp_path / "a")]
    assert main(["train", "--attention", "sge:groups=4", *train, "--checkpoint", str(file)]) == 0
    fewer = DATA.replace("test_images=40", "test_images=30")
    assert main(["evaluate", "--checkpoint", str(file), "--device", "cpu", "--data", fewer]) == 0
    assert "of 30 test images" in capsys.readouterr().out
    assert main(["evaluate", "--checkpoint", str(file), "--device", "cpu", "--attention", "none"]) == 2
    assert "'layer1.0.se.gate_scale' is not in the model" in capsys.readouterr().err


def test_weights_that_say_nothing_need_the_variant(checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--checkpoint", str(checkpoint), "--backbone", BACKBONE, "--data", DATA]) == 2
    assert "does not say what its weights are of: name the variant with --attention" in capsys.readouterr().err


def test_a_detector_is_not_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = DetectionRun(detector="retinanet", attention="sge", backbone="resnet18", data="cluttered-scenes")
    description = DetectorDescription(spec=spec, classes=("zero",)).to_builtins()
    torch.save({"state_dict": {"model.weight": torch.zeros(1)}, DESCRIPTION: description}, tmp_path / "detector.ckpt")
    assert main(["evaluate", "--checkpoint", str(tmp_path / "detector.ckpt")]) == 2
    assert "holds a detector, where a classifier is wanted" in capsys.readouterr().err
