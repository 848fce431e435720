"""Statistics of a look are those of all attention modules over the first test images."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attnbench.cli import main
from attnbench.looking import (
    Given,
    Weights,
    images_of_data,
    load_weights,
    look_at,
    read_test_images,
    with_statistics,
)
from attnbench.looking.statistics import draw_statistics
from attnbench.models import create_model
from attnbench.run_parts import describe
from attnbench.visualize import activation_statistics
from tests.saved import run_of, save_classifier


def test_they_are_those_of_the_first_test_images_in_any_batches(tmp_path: Path) -> None:
    file = save_classifier(tmp_path, run_of("sge:groups=4"))
    model, weights = load_weights(file, Given(attention=None, backbone=None, data=None, root=None))
    spec = weights.description.spec
    data = read_test_images(spec)
    look = look_at(model, weights, images_of_data(data, spec.data, number=2), name="sge:groups=4")
    counted = with_statistics(look, model, data, number=35)  # more than a batch, and no whole number of them
    first = torch.cat([images for images, _ in data.test_dataloader()])[:35]
    (expected, *_) = activation_statistics(model, [first])
    (found, *_) = counted.statistics
    assert found.num_images == 35
    assert [tensor.name for tensor in found.tensors] == [tensor.name for tensor in expected.tensors]
    for mine, whole in zip(found.tensors, expected.tensors, strict=True):
        assert mine.moments.mean == pytest.approx(whole.moments.mean, abs=1e-6)
        assert mine.moments.sd == pytest.approx(whole.moments.sd, abs=1e-6)
    picture, content = draw_statistics(counted, file="s.png", maker="a test")
    assert picture.title == "sge:groups=4: attention over 35 test images"
    assert "the first 35 test images of cluttered-digits" in picture.caption
    assert Image.open(io.BytesIO(content)).text["Software"] == "a test"  # type: ignore[attr-defined]


def test_they_take_so_many_images_of_a_folder_as_are_wanted(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for name in "ab":
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for number in range(12):
                pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "data" / split / name / f"{number}.png")
    spec = replace(run_of("se:reduction=2"), data="folder:image_size=32", root=str(tmp_path / "data"))
    spec = replace(spec, recipe=replace(spec.recipe, batch_size=4, crop_padding=0))
    data = read_test_images(spec)
    model = create_model(spec.backbone, spec.attention, num_classes=2, image_size=(32, 32)).eval()
    weights = Weights(file=tmp_path / "w", sha256="0" * 64, description=describe(spec, data))
    look = look_at(model, weights, images_of_data(data, "folder", number=2), name="se")
    assert with_statistics(look, model, data, number=6).statistics[0].num_images == 6
    assert with_statistics(look, model, data, number=99).statistics[0].num_images == 24


def test_a_model_without_attention_has_none(tmp_path: Path) -> None:
    file = save_classifier(tmp_path, run_of("none"))
    model, weights = load_weights(file, Given(attention=None, backbone=None, data=None, root=None))
    data = read_test_images(weights.description.spec)
    look = look_at(model, weights, images_of_data(data, "digits", number=2), name="none")
    assert with_statistics(look, model, data, number=10) is look


def test_the_command_prints_and_draws_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for attention in ("none", "se:reduction=2"):
        save_classifier(tmp_path / "models", run_of(attention))
    words = ["visualize", str(tmp_path / "models"), "--num-images", "2", "--statistics", "40", "--device", "cpu"]
    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "se_reduction_2-statistics.png").is_file()
    assert not (tmp_path / "out" / "none-statistics.png").exists()
    text = capsys.readouterr().out
    row, *_ = [line.split() for line in text.splitlines() if line.startswith("layer3.0.se")]
    assert row[1:3] == ["gate", "32"]
    assert "se_reduction_2-statistics.png" in text
    assert text.count("distinct: so many uncorrelated units would be as varied") == 1
    assert main([*words[:-4], "--statistics", "0"]) == 2
    assert "statistics must be at least 1; got statistics=0" in capsys.readouterr().err
