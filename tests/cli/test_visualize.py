"""`attnbench visualize`: its files, what it replaces, and its sentences."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnbench.cli import main
from attnbench.pictures import read_album
from attnbench.record import Store
from tests.records import make_record
from tests.saved import run_of, save_classifier


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for attention in ("none", "se:reduction=2", "sge:groups=4"):
        save_classifier(folder, run_of(attention))
    return folder


def visualize(*words: object) -> int:
    return main(["visualize", *map(str, words), "--device", "cpu"])


def test_a_folder_of_checkpoints_is_compared_on_test_images(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "pictures"
    assert visualize(models, "--compare", "sge,none", "--num-images", 3, "--output", output) == 0
    assert sorted(file.name for file in output.iterdir()) == [
        "compare.png", "index.html", "pictures.json", "sge_groups_4-maps.png",
    ]  # fmt: skip
    album, drawn = read_album(output)
    assert album.title.startswith("What sge:groups=4 and none in cifar-resnet")
    assert album.conditions[0].startswith("Images: the first 3 test images of cluttered-digits")
    page = (output / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(drawn) == 2
    assert all(picture.caption.replace("'", "&#39;") in page for picture in album.pictures)
    printed = capsys.readouterr().out
    assert "sge_groups_4-maps.png  sge:groups=4: attention maps, 30 rows" in printed
    assert f"The pictures are in {output}." in printed
    # Its own pictures are replaced by the same command.
    assert visualize(models, "--compare", "sge,none", "--num-images", 3, "--output", output) == 0


def test_own_images_of_any_size_and_a_single_checkpoint(models: Path, tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 50, 3), dtype=np.uint8)).save(photo)
    (file,) = models.glob("se_*.ckpt")
    assert visualize(file, "--images", photo, photo, "--output", tmp_path / "out") == 0
    album, _ = read_album(tmp_path / "out")
    assert album.conditions[0].startswith("Images: 2 of your images:")
    assert [picture.file for picture in album.pictures] == ["compare.png", "se_reduction_2-maps.png"]
    assert "the class that the model predicts" in album.pictures[0].caption


@pytest.mark.parametrize("name", ["compare.png", "se_reduction_2-maps.png", "index.html"])
def test_a_file_of_somebody_else_is_never_replaced(
    name: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tmp_path / name
    if name.endswith(".png"):
        Image.new("RGB", (3, 3)).save(theirs)
    else:
        theirs.write_text("mine")
    before = theirs.read_bytes()
    (file,) = models.glob("se_*.ckpt")
    assert visualize(file, "--output", tmp_path) == 2
    assert "not" in (error := capsys.readouterr().err)
    assert "of attnbench visualize" in error
    assert error.count("\n") == 1
    assert theirs.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name a checkpoint, a folder of checkpoints or a record's file; got none"),
        (["nowhere"], "there is no checkpoint, folder of checkpoints or record 'nowhere'"),
        (["nowhere", "--num-images", "0"], "num_images must be at least 1"),
        (["nowhere", "--groups", "0"], "groups must be at least 1"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert visualize(*words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_report_holds_the_pictures_with_their_captions(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "records")
    store.add(make_record("none"))
    store.add(make_record("sge"))
    pictures, page = tmp_path / "pictures", tmp_path / "page.html"
    (file,) = models.glob("sge_*.ckpt")
    assert visualize(file, "--num-images", 2, "--output", pictures) == 0
    words = ["report", str(store.path), "--pictures", str(pictures)]
    assert main([*words, "--format", "html", "--output", str(page)]) == 0
    album, _ = read_album(pictures)
    text = page.read_text()
    assert text.count("data:image/png;base64,") == 2
    assert all(picture.caption.replace("'", "&#39;") in text for picture in album.pictures)
    assert main(words) == 2
    assert "--pictures goes with --format html; got --format table" in capsys.readouterr().err
    assert main(["report", str(store.path), "--pictures", str(tmp_path), "--format", "html"]) == 2
    assert "holds no pictures.json" in capsys.readouterr().err
