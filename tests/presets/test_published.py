import re
import subprocess
import sys
from dataclasses import astuple
from importlib.resources import files
from pathlib import Path

import pytest

from attnbench.presets.published import CocoRow, ImageNetRow, published_coco, published_detector_for, published_imagenet

ROOT = Path(__file__).parents[2]


def lines_of(file: str) -> list[list[str]]:
    """What stands in a table, with the numbers as their shortest text."""
    _, *lines = (files("attnbench.presets") / file).read_text(encoding="utf-8").splitlines()
    return [[re.sub(r"(\.\d+?)0+$", r"\1", cell) for cell in line.split(",")] for line in lines]


@pytest.mark.parametrize(
    ("file", "rows", "number"),
    [("published_imagenet.csv", published_imagenet(), 13), ("published_coco.csv", published_coco(), 15)],
)
def test_every_number_of_every_row_is_read(file: str, rows: tuple[ImageNetRow | CocoRow, ...], number: int) -> None:
    assert [[str(value) for value in astuple(row)] for row in rows] == lines_of(file)
    assert len(rows) == number


def test_each_number_stands_under_its_name() -> None:
    assert published_imagenet()[6] == ImageNetRow(
        model="SGE-ResNet50", parameters_m=25.56, gflops=4.127, top1_percent=77.584, top5_percent=93.664
    )
    assert published_coco()[-1] == CocoRow(
        backbone="SGE-ResNet101",
        backbone_parameters_m=42.50,
        gflops=168.1,
        detector="Cascade RCNN",
        neck="FPN",
        ap_percent=44.4,
        ap50_percent=63.2,
        ap75_percent=48.4,
    )


def test_a_detector_is_found_by_what_was_run() -> None:
    found = published_detector_for("coco", "cascade-rcnn", "resnet101:zero_init_last=true", "se")
    assert found is not None
    assert (found.backbone, found.detector, found.ap_percent) == ("SE-ResNet101", "Cascade RCNN", 43.4)
    plain = published_detector_for("coco", "mask-rcnn", "resnet50", "none")
    assert plain is not None
    assert plain.ap75_percent == 41.9


@pytest.mark.parametrize(
    "words",
    [
        "cluttered-scenes faster-rcnn resnet50 none",
        "coco retinanet resnet50 none",
        "coco faster-rcnn:regions=64 resnet50 none",
        "coco faster-rcnn resnet18 none",
        "coco faster-rcnn resnet50:depth=50 none",
        "coco faster-rcnn resnet50 se",
        "coco faster-rcnn resnet50 sge:groups=32",
        "coco faster-rcnn resnet50 eca",
    ],
)
def test_a_detector_that_was_not_published_is_not_found(words: str) -> None:
    assert published_detector_for(*words.split()) is None


def test_every_file_of_the_presets_is_shipped() -> None:
    patterns = re.findall(
        r'"([^"]+)"', re.search(r"(?m)^attnbench = \[(.*)\]$", (ROOT / "pyproject.toml").read_text())[1]
    )
    package = ROOT / "attnbench"
    shipped = {path for pattern in patterns for path in package.glob(pattern)}
    assert {path for path in (package / "presets").iterdir() if path.suffix in (".csv", ".yaml")} <= shipped


def test_the_tables_are_read_without_torch() -> None:
    code = "import sys, attnbench.presets.published as p; p.published_imagenet(); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
