from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools.coco import COCO

from attnbench.data.detection import DetectionData, cluttered_scenes
from attnbench.data.detection.cluttered_scenes import ClutteredScenes
from attnbench.data.detection.items import CLASSES
from attnbench.data.detection.writing import write_folder
from attnbench.errors import SpecError
from tests.data.test_idx import idx_bytes

TINY = "cluttered-scenes:size=64,train_images=6,validation_images=2,test_images=5"
Build = Callable[..., DetectionData]


def test_boxes_areas_and_labels_are_those_of_the_masks(build: Build) -> None:
    data = build(TINY)
    assert data.classes == CLASSES["digits"]
    assert data.num_images == {"train": 6, "validation": 2, "test": 5}
    assert data.faults == {}
    for images, targets in data.test_dataloader():
        for image, target in zip(images, targets, strict=True):
            assert image.shape == (3, 64, 64)
            assert 0 <= image.min() < image.max() <= 1
            assert target["area"].tolist() == target["masks"].sum((1, 2)).tolist()
            for mask, box in zip(target["masks"], target["boxes"].tolist(), strict=True):
                rows, columns = torch.nonzero(mask, as_tuple=True)
                corners = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
                assert box == [int(corner) for corner in corners]


def test_the_cache_gives_back_the_same(build: Build, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    made = build(TINY)
    (file,) = cache.iterdir()
    monkeypatch.setattr(cluttered_scenes, "draw_scene", lambda *_, **__: pytest.fail("drawn although it is cached"))
    _same(made, build(TINY, seed=5))
    content = file.read_bytes()
    monkeypatch.undo()
    monkeypatch.setenv("ATTNBENCH_CACHE", str(cache))
    middle = len(content) // 2
    for damaged in (b"", content[:-40], content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], b"no"):
        file.write_bytes(damaged)
        _same(made, build(TINY))
        assert file.read_bytes() == content


def test_works_where_nothing_can_be_cached(build: Build, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ATTNBENCH_CACHE", str(tmp_path / "file"))
    assert build(TINY).num_images["train"] == 6


@pytest.mark.parametrize("change", ["size=65", "train_images=7", "validation_images=0", "test_images=4", "data_seed=1"])
def test_every_setting_is_part_of_the_caches_name(build: Build, cache: Path, change: str) -> None:
    name = change.partition("=")[0]
    kept = [setting for setting in TINY.partition(":")[2].split(",") if not setting.startswith(name)]
    build(TINY)
    other = build(f"cluttered-scenes:{','.join([*kept, change])}")
    assert len(list(cache.iterdir())) == 2
    assert other.has_validation == (change != "validation_images=0")


def test_clothing_from_a_users_own_folder(build: Build, tmp_path: Path, cache: Path) -> None:
    random = np.random.RandomState(0)
    for draw in range(2):
        for part, number in (("train", 240), ("t10k", 20)):
            pixels = np.zeros((number, 28, 28), dtype=np.uint8)
            pixels[:, 4:24, 8:20] = random.randint(100, 256, size=(number, 20, 12))
            labels = np.arange(number, dtype=np.uint8) % 10
            (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(pixels))
            (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
        data = build(TINY.replace(":", ":items=fashion-mnist,"), root=tmp_path)
        assert data.classes == CLASSES["fashion-mnist"]
        # Another folder's clothing is another set.
        assert len(list(cache.iterdir())) == 1 + draw


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size=47", r"size must lie in \[48, 1024\]; got size=47"),
        ("test_images=0", r"test_images must lie in \[1, 1000000\]; got test_images=0"),
        ("validation_images=-1", r"validation_images must lie in \[0, 1000000\]"),
        ("data_seed=-1", "data_seed must lie in"),
        ("items=cars", "items must be digits or fashion-mnist; got items=cars"),
    ],
)
def test_settings_out_of_range(build: Build, text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(f"cluttered-scenes:{text}")


def test_reads_nothing(build: Build, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is made, not read, and takes no root"):
        build("cluttered-scenes", root=tmp_path)
    with pytest.raises(SpecError, match="makes its annotations, and reads none"):
        build("cluttered-scenes", annotations=("a.json", "b.json"))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_a_written_folder_is_read_by_coco_and_by_pycocotools(build: Build, tmp_path: Path) -> None:
    made = build(TINY)
    files = write_folder(made, tmp_path / "out", description="tiny")
    read = build("coco", root=tmp_path / "out", annotations=("annotations/train.json", "annotations/test.json"))
    assert read.faults == {}
    _same(made, read)

    said = StringIO()
    with redirect_stdout(said):
        other = COCO(str(files["test"]))
    assert [category["name"] for category in other.loadCats(other.getCatIds())] == list(CLASSES["digits"])
    for _, targets in made.test_dataloader():
        for target in targets:
            objects = other.loadAnns(other.getAnnIds(target["image_id"]))
            assert [entry["category_id"] for entry in objects] == target["labels"].tolist()
            assert np.array_equal([other.annToMask(entry) for entry in objects], target["masks"].numpy())
            assert [entry["area"] for entry in objects] == target["area"].tolist()


def _same(first: DetectionData, second: DetectionData) -> None:
    assert isinstance(first, ClutteredScenes)
    for name in ("train_dataloader", "test_dataloader"):
        for (images, targets), (other_images, others) in zip(
            getattr(first, name)(), getattr(second, name)(), strict=True
        ):
            if first.seed != second.seed and name == "train_dataloader":
                continue
            assert all(map(torch.equal, images, other_images))
            for target, other in zip(targets, others, strict=True):
                assert target.keys() == other.keys()
                assert target["image_id"] == other["image_id"]
                for key in ("boxes", "labels", "masks", "area", "iscrowd"):
                    assert torch.equal(target[key], other[key]), key
