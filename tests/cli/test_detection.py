from pathlib import Path

import pytest

from attnbench.cli.app import main
from attnbench.detection_record import DetectionStore
from tests.tiny_detection import TINY_BODY, TINY_DETECTORS, TINY_SCENES

TINY = [
    "--data", TINY_SCENES, "--backbone", TINY_BODY, "--set", "recipe.short_side=64", "--set", "recipe.long_side=64",
    "--set", "speed_rounds=1", "--epochs", "1", "--workers", "1",
]  # fmt: skip


def test_a_leaderboard_of_detectors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    detectors = ",".join(TINY_DETECTORS[name] for name in ("retinanet", "mask-rcnn"))
    command = ["leaderboard", "--task", "detection", "--detector", detectors, "--attention", "se", *TINY]
    assert main([*command, "--store", str(tmp_path)]) == 0
    first = capsys.readouterr()
    assert "4/4 mask-rcnn" in first.err
    assert "AP50" in first.out
    assert "mask AP" in first.out
    assert len(DetectionStore(tmp_path).digests()) == 4
    assert main([*command, "--store", str(tmp_path)]) == 0
    again = capsys.readouterr()
    assert again.err == "4 of 4 runs are recorded already.\n"
    assert again.out == first.out
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out == first.out


def test_a_dry_run_of_detectors_trains_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["leaderboard", "--task", "detection", "--detector", TINY_DETECTORS["retinanet"], "--attention", "se"]
    places = ["--store", str(tmp_path / "records"), "--checkpoints", str(tmp_path / "detectors")]
    assert main([*command, *TINY, *places, "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert output.count("missing") == 2
    assert "8 training images × 1 epoch × 2 runs = 16" in output
    assert list(tmp_path.iterdir()) == []


def test_a_leaderboard_of_detectors_is_logged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["leaderboard", "--task", "detection", "--detector", TINY_DETECTORS["retinanet"], "--attention", "none"]
    logs = ["--logger", "tensorboard", "--log-dir", str(tmp_path / "logs")]
    assert main([*command, *TINY, *logs, "--store", str(tmp_path / "records")]) == 0
    assert [path.name.rpartition("-")[0] for path in (tmp_path / "logs").iterdir()] == ["retinanet-none-seed0"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--detector", "faster-rcnn"], "--detector goes with --task detection; got --detector faster-rcnn"),
        (["--weights", "timm"], "--weights goes with --task detection"),
        (["--task", "detection", "--dry-run", "--logger", "wandb"], "--dry-run trains nothing that could be logged"),
        (["--task", "detection", "--dry-run", "--data", "coco", "--weights", "none"], "needs a root"),
        (["--task", "detection", "--detector", "faster"], "did you mean 'faster-rcnn'?"),
        (["--task", "detection", "--data", "coco"], "cannot read weights/none.pth"),
        (["--task", "detection", "--data", "coco", "--weights", "none"], "needs a root"),
        (["coco-3x", "--task", "detection"], "unknown preset 'coco-3x'; did you mean"),
        (["--task", "detection", "--set", "recipe.nesterov=true"], "unknown field recipe.nesterov"),
        (
            ["--task", "detection", "--set", "detector_recipe=none", "--set", "recipe.epochs=2"],
            "detector_recipe: expected 'object', got 'null'",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["leaderboard", *words, "--store", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["- faster-rcnn:", "epochs: 5"]),
        (["--quick"], ["epochs: 1\n"]),
        (["--quick", "--epochs", "5"], ["epochs: 5"]),
        (["--data", "coco", "--quick"], ["epochs: 4", "  step_epochs:\n  - 2\n  - 3\n"]),
        (["--data", "coco", "--annotations", "a.json", "b.json"], ["short_side: 192", "weights: null"]),
        (["--detector", "retinanet,faster-rcnn:regions=8"], ["- retinanet:", "- faster-rcnn:regions=8\n"]),
        (["--detector", "retinanet"], ["detector_recipe:\n  retinanet:\n    epochs: 10\n"]),
        (
            ["--detector", "retinanet", "--epochs", "4"],
            ["detector_recipe:\n  retinanet:\n    learning_rate:", "epochs: 4"],
        ),
        (["--detector", "retinanet", "--quick"], ["detector_recipe:\n  retinanet:\n    epochs: 3\n"]),
    ],
)
def test_what_a_command_line_describes(
    words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["leaderboard", "--task", "detection", "--print-spec", *words]) == 0
    out = capsys.readouterr().out
    assert "data: coco" in out if "coco" in words else "data: cluttered-scenes" in out
    for text in expected:
        assert text in out
