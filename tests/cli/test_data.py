from pathlib import Path

import pytest

from attnbench.cli import main
from tests.data.detection.conftest import an_object, make_user_folder, write_json

TINY = "cluttered-scenes:size=64,train_images=4,validation_images=2,test_images=3"


def test_makes_a_folder_and_checks_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["data", "make", TINY, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "validation" in said
    assert f"--data coco --root {out} --annotations annotations/train.json annotations/test.json" in said
    assert {split: len(list((out / split).iterdir())) for split in ("train", "validation", "test")} == {
        "train": 4,
        "validation": 2,
        "test": 3,
    }
    files = ["annotations/train.json", "annotations/test.json"]
    assert main(["data", "check", "--root", str(out), "--annotations", *files]) == 0
    assert "Nothing is broken in the annotations." in capsys.readouterr().out


def test_names_what_is_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    user_folder = make_user_folder(tmp_path)
    write_json(user_folder / "train.json", [an_object(1), an_object(2, bbox=[0, 0, 0, 0]), an_object(3, category_id=1)])
    assert main(["data", "check", "--root", str(user_folder), "--annotations", "train.json", "test.json"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "2 classes: cat, dog" in said
    assert "Objects whose box has no area (empty_box): 1; left out." in said
    assert "Objects of a category that is not listed (unknown_category): 1; left out." in said


def test_refuses_another_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["data", "make", TINY, "--out", str(tmp_path)]) == 2
    assert "must be empty, or hold this very data set; it holds notes.txt" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_an_unknown_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "make", "clutered-scenes", "--out", str(tmp_path)]) == 2
    assert "unknown detection data set 'clutered-scenes'; did you mean 'cluttered-scenes'?" in capsys.readouterr().err
