"""`attnbench visualize`: its files, what it replaces, and its sentences."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from attnbench.attention import register_attention
from attnbench.attention.observing import observe
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


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("cluttered-digits:size=40,test_images=20,train_images=20,validation_images=20", "takes images of shape"),
        ("ten-as-two", "takes so many classes as 10; got 2 in ten-as-two"),
    ],
)
def test_data_that_the_classifier_does_not_take_is_refused(
    data: str, message: str, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "two.py"
    plugin.write_text(
        "import numpy as np\nimport attnbench.data as data\n"
        "@data.register_data('ten-as-two')\n"
        "class Two(data.InMemoryData):\n"
        "    def read(self):\n"
        "        images = data.Images(np.zeros((8, 1, 28, 28), np.uint8), np.arange(8) % 2)\n"
        "        return 2, {split: images for split in ('train', 'validation', 'test')}\n"
    )
    (file,) = models.glob("se_*.ckpt")
    words = [] if data.startswith("cluttered") else ["--import", plugin]
    assert visualize(file, "--data", data, "--output", tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err


def test_models_in_different_backbones_are_not_set_side_by_side(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wider = save_classifier(tmp_path, replace(run_of("none"), backbone="cifar-resnet:depth=8,stem_stride=2,width=16"))
    (file,) = models.glob("none*.ckpt")
    assert visualize(file, wider, "--output", tmp_path / "out") == 2
    assert "differ in their backbone" in capsys.readouterr().err


def test_a_gate_that_is_one_for_all_images_is_drawn(tmp_path: Path) -> None:
    @register_attention("gate-for-all", placement="block")
    class GateForAll(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(1, channels, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            gate = torch.sigmoid(self.scale)
            observe(self, gate=gate, left_out=gate[0])
            return x * gate

    file = save_classifier(tmp_path, run_of("gate-for-all"))
    assert visualize(file, "--num-images", 3, "--statistics", 8, "--output", tmp_path / "out") == 0
    album, _ = read_album(tmp_path / "out")
    (maps,) = [picture for picture in album.pictures if picture.file == "gate-for-all-maps.png"]
    assert [line.name for line in maps.lines] == [f"layer{stage}.0.se gate" for stage in (1, 2, 3)]


def test_weights_that_know_other_classes_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "clothes.py"
    plugin.write_text(
        "import numpy as np\nimport attnbench.data as data\n"
        "@data.register_data('clothes')\n"
        "class Clothes(data.InMemoryData):\n"
        "    class_names = tuple('abcdefghij')\n"
        "    def read(self):\n"
        "        images = data.Images(np.zeros((10, 1, 28, 28), np.uint8), np.arange(10))\n"
        "        return 10, {split: images for split in ('train', 'validation', 'test')}\n"
    )
    (file,) = models.glob("se_*.ckpt")
    assert visualize(file, "--data", "clothes", "--import", plugin, "--output", tmp_path / "out") == 2
    assert "knows the classes zero, one, two, three, four …; got a, b, c, d, e …" in capsys.readouterr().err


def test_weights_that_have_diverged_are_refused(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file,) = models.glob("none*.ckpt")
    content = torch.load(file, weights_only=True)
    content["state_dict"]["conv1.0.weight" if "conv1.0.weight" in content["state_dict"] else "conv1.weight"].fill_(
        torch.nan
    )
    torch.save(content, tmp_path / "nan.ckpt")
    assert visualize(tmp_path / "nan.ckpt", "--output", tmp_path / "out") == 2
    assert "its training has diverged" in capsys.readouterr().err


def test_a_damaged_file_in_a_folder_is_named(models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (whole,) = models.glob("se_*.ckpt")
    (tmp_path / "se.ckpt").write_bytes(whole.read_bytes())
    (tmp_path / "sge.ckpt").write_bytes(whole.read_bytes()[:500])
    assert visualize(tmp_path, "--output", tmp_path / "out") == 2
    assert "sge.ckpt is damaged, cut short or no checkpoint" in capsys.readouterr().err
