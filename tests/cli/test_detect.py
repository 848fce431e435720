"""`attnbench detect`, and the checkpoints that `attnbench leaderboard --task detection` writes for it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from attnbench.cli import main
from attnbench.cli.drawings import marks_of
from attnbench.detection.saved import DetectorDescription
from attnbench.detection_parts import build_run_detector, read_detection_data
from attnbench.detection_suite import expand_detection
from attnbench.detections import Objects
from attnbench.detector_training import fit_detector
from attnbench.spec_io import to_yaml
from tests.tiny_detection import TINY_SCENES, tiny_detection


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector with masks, hardly trained: what it finds is wrong, and of low score."""
    file = tmp_path_factory.mktemp("detector") / "mask.ckpt"
    spec = expand_detection(tiny_detection("mask-rcnn", epochs=1))[0]
    data = read_detection_data(spec)
    model = build_run_detector(spec, spec.attention, data, weights=None).model
    fit_detector(
        model, data, recipe=spec.recipe, compute=spec.compute, num_classes=10, has_masks=True,
        checkpoint=file, description=DetectorDescription(spec=spec, classes=data.classes).to_builtins(),
    )  # fmt: skip
    return file


def noise(file: Path, height: int = 48, width: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    pixels = np.random.RandomState(seed).randint(256, size=(height, width, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(file)
    return pixels


def read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        return np.array(picture)


def detect(checkpoint: Path, *words: object) -> int:
    return main(["detect", *map(str, words), "--checkpoint", str(checkpoint), "--device", "cpu"])


def test_draws_each_image_beside_it_and_leaves_the_image_alone(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    pixels = [noise(first), noise(second, seed=1)]
    before = first.read_bytes()
    assert detect(checkpoint, first, second, "--score", "0.05") == 0
    assert first.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "first-detections.png", "first.png", "second-detections.png", "second.png",
    ]  # fmt: skip
    for name, image in zip(("first", "second"), pixels, strict=True):
        picture, enlarged = read(tmp_path / f"{name}-detections.png"), image.repeat(10, axis=0).repeat(10, axis=1)
        assert picture.shape == enlarged.shape
        assert (picture != enlarged).any()
    assert "The drawings are beside the images: first-detections.png and so on." in capsys.readouterr().out


def test_says_how_many_of_which_class(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from attnbench import detections

    found = Objects(
        boxes=np.array([[0, 0, 9, 9], [4, 4, 20, 20], [8, 8, 30, 40]], dtype=np.float32),
        labels=np.array([8, 3, 8]),
        scores=np.array([0.93, 0.8, 0.6], dtype=np.float32),
    )
    monkeypatch.setattr(detections, "detect_objects", lambda *_, **__: found)
    monkeypatch.chdir(tmp_path)
    noise(Path("image.png"))
    assert detect(checkpoint, "image.png", "--output", "drawn") == 0
    said = capsys.readouterr().out
    assert "image.png      3  2 × seven 0.93, two 0.80" in said
    assert "The drawing is in drawn/image-detections.png." in said
    assert (tmp_path / "drawn" / "image-detections.png").is_file()


def test_nothing_found_is_said_and_the_image_is_drawn_as_it_is(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = noise(tmp_path / "image.png", 640, 640)
    assert detect(checkpoint, tmp_path / "image.png", "--score", "1") == 0
    assert np.array_equal(read(tmp_path / "image-detections.png"), pixels)
    assert " 0 " in capsys.readouterr().out


def test_a_photo_is_drawn_upright(checkpoint: Path, tmp_path: Path) -> None:
    pixels = noise(tmp_path / "plain.png", 640, 320)
    turned = Image.Exif()
    turned[0x0112] = 8  # to be turned by 90° counter-clockwise, to be seen as it was taken
    Image.fromarray(pixels).save(tmp_path / "photo.png", exif=turned)
    assert detect(checkpoint, tmp_path / "photo.png", "--score", "1") == 0
    assert np.array_equal(read(tmp_path / "photo-detections.png"), np.rot90(pixels))


def test_draws_a_data_set_on_one_sheet(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert detect(checkpoint, "--data", TINY_SCENES, "--num-images", "3") == 0
    said = capsys.readouterr().out
    assert [f"00000{number}.png" in said for number in (1, 2, 3, 4)] == [True, True, True, False]
    assert "The sheet is in mask-detections.png." in said
    sheet = read(tmp_path / "mask-detections.png")
    (first,) = read_detection_data(expand_detection(tiny_detection())[0]).split("test").images[0:1]
    corner = first[:2, :2].repeat(6, axis=0).repeat(6, axis=1)
    places = np.lib.stride_tricks.sliding_window_view(sheet, corner.shape)[:, :, 0]
    assert (places == corner).all((2, 3, 4)).sum() >= 1  # the first image is there


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.png"], "there is no image 'nowhere.png'"),
        (["image.png", "--score", "1.5"], "score must lie in [0, 1]; got score=1.5"),
        (["image.png", "--score", "nan"], "score must lie in [0, 1]; got score=nan"),
        (["image.png", "damaged.png"], "damaged.png is damaged or no image"),
        ([], "name files of images or --data, one of them; got neither"),
        (["image.png", "--data", "cluttered-scenes"], "name files of images or --data, one of them; got both"),
        (["image.png", "--num-images", "3"], "--num-images goes with --data"),
        (["--data", "cluttered-scenes", "--num-images", "0"], "num_images must be at least 1; got num_images=0"),
        (["--data", "clutered-scenes"], "did you mean 'cluttered-scenes'"),
        (["image.png", "image.jpg"], "would both be drawn into image-detections.png"),
        (["image.png", "image-detections.png"], "would replace the image image-detections.png"),
        (["image.png", "--output", "image.jpg"], "output must be a folder, or the name of a new one"),
        (["image.png", "--output", "image.jpg/new"], "output must be a folder, or the name of a new one"),
    ],
)
def test_says_in_one_sentence_what_is_wrong_and_draws_nothing(
    checkpoint: Path,
    words: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("image.png", "image.jpg", "image-detections.png"):
        noise(Path(name))
    Path("damaged.png").write_bytes(Path("image.png").read_bytes()[:200])
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    assert detect(checkpoint, *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_names_from_elsewhere_are_drawn_in_one_line_without_control_characters() -> None:
    there = Objects(boxes=np.zeros((2, 4), np.float32), labels=np.array([1, 2]), crowds=np.array([False, True]))
    marks = marks_of(there, ["traffic\nlight", "\x1b[31mcat"])
    assert [mark.caption for mark in marks] == ["traffic light", "\\x1b[31mcat (crowd)"]
    assert all(mark.dashed for mark in marks)


def test_a_checkpoint_of_a_classifier_is_no_detector(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise(tmp_path / "image.png")
    torch.save({"state_dict": {"fc.weight": torch.zeros(3)}}, tmp_path / "classifier.ckpt")
    assert detect(tmp_path / "classifier.ckpt", tmp_path / "image.png") == 2
    error = capsys.readouterr().err
    assert "does not say what detector its weights are of" in error
    assert error.count("\n") == 1


def test_a_leaderboard_leaves_a_checkpoint_of_each_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(to_yaml(tiny_detection("retinanet", epochs=1)))
    words = ["leaderboard", "suite.yaml", "--task", "detection", "--workers", "1", "--device", "cpu"]
    assert main(words) == 0
    (first, second) = sorted(Path("records").glob("*.json"))
    before = first.read_bytes(), second.read_bytes()
    # Recorded, but without checkpoints: both are trained again, and the records stay.
    assert main([*words, "--checkpoints", "detectors"]) == 0
    names = sorted(file.name for file in Path("detectors").iterdir())
    digests = {file.name.partition(".")[0] for file in (first, second)}
    assert {name.rpartition("-")[0] for name in names} == {"retinanet-none-seed0", "retinanet-sge_groups_4-seed0"}
    assert {name.rpartition("-")[2].removesuffix(".ckpt") for name in names} == digests
    assert (first.read_bytes(), second.read_bytes()) == before
    kept, lost = (Path("detectors") / name for name in names)
    changed = kept.stat().st_mtime_ns
    lost.unlink()
    capsys.readouterr()
    assert main([*words, "--checkpoints", "detectors"]) == 0
    assert lost.is_file()
    assert kept.stat().st_mtime_ns == changed
    noise(Path("image.png"))
    assert detect(lost, "image.png") == 0


def test_attention_is_scored_beside_controls(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", TINY_SCENES, "--num-images", "1", "--localise", "3", "--output", tmp_path]
    assert detect(checkpoint, *words) == 0
    text = capsys.readouterr().out
    assert "Where its maps lie, in 3 test images:" in text
    assert [text.count(f"control: {name}") for name in ("random", "centre", "image")] == [1, 1, 1]
    assert "no attention module whose maps could be scored" in " ".join(text.split())
    capsys.readouterr()
    assert detect(checkpoint, *words[:4], "--localise", "0") == 2
    assert "localise must be at least 1; got localise=0" in capsys.readouterr().err
