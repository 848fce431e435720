import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attnbench.data.detection import DetectionData
from attnbench.errors import DataError, SpecError
from tests.data.detection.conftest import an_object, make_user_folder, write_json

FILES = ("train.json", "test.json")
Build = Callable[..., DetectionData]


def test_reads_a_users_folder(build: Build, user_folder: Path) -> None:
    data = build("coco", root=user_folder, annotations=FILES)
    assert data.classes == ("cat", "dog")
    assert data.num_classes == 2
    assert data.num_images == {"train": 2, "validation": 0, "test": 2}
    assert not data.has_validation
    assert data.num_objects == {"all": 2, "small": 2, "medium": 0, "large": 0, "crowd": 1}
    assert data.faults == {"clipped_box": 2, "no_mask": 2}
    (images, targets), *rest = data.test_dataloader()
    assert rest == []
    with Image.open(user_folder / "test" / "7.png") as opened:
        assert torch.equal(images[0], torch.from_numpy(np.array(opened)).permute(2, 0, 1) / 255)
    assert [target["image_id"] for target in targets] == [7, 5]
    assert targets[0]["iscrowd"].tolist() == [False, False, True]
    assert targets[0]["boxes"].tolist() == [[2, 3, 12, 8], [30, 20, 45, 26], [2, 3, 12, 8]]
    assert targets[1]["boxes"].shape == (0, 4)
    assert targets[1]["masks"].shape == (0, 30, 40)


def test_training_targets_hold_no_crowds_and_no_box_beyond_the_border(build: Build, user_folder: Path) -> None:
    data = build("coco", root=user_folder, annotations=FILES, horizontal_flip=False)
    ((_, targets),) = data.train_dataloader()
    target = next(target for target in targets if target["image_id"] == 7)
    assert target["boxes"].tolist() == [[2, 3, 12, 8], [30, 20, 40, 26]]
    assert target["labels"].tolist() == [2, 1]
    assert target["area"].tolist() == [50, 60]
    assert target["masks"].sum((1, 2)).tolist() == [50, 60]
    assert not target["iscrowd"].any()


def test_an_area_keeps_its_last_bit(build: Build, user_folder: Path) -> None:
    areas = [32**2 - 2.0**-40, 2.0**24 + 1]
    write_json(user_folder / "test.json", [an_object(number, area=area) for number, area in enumerate(areas)])
    ((_, targets),) = build("coco", root=user_folder, annotations=FILES).test_dataloader()
    assert targets[0]["area"].tolist() == areas


def test_masks_are_left_out_where_they_are_not_wanted(build: Build, user_folder: Path) -> None:
    ((_, targets),) = build("coco", root=user_folder, annotations=FILES, masks=False).test_dataloader()
    assert "masks" not in targets[0]


@pytest.mark.parametrize("place", ["train2017", "", "images", "images/train2017", "annotations"])
def test_finds_the_images(
    build: Build, user_folder: Path, tmp_path_factory: pytest.TempPathFactory, place: str
) -> None:
    root = tmp_path_factory.mktemp("coco")
    shutil.copytree(user_folder / "train", root / place, dirs_exist_ok=True)
    shutil.copytree(user_folder / "test", root / "val2017")
    (root / "annotations").mkdir(exist_ok=True)
    for part, name in (("train", "train2017"), ("test", "val2017")):
        shutil.copy(user_folder / f"{part}.json", root / "annotations" / f"instances_{name}.json")
    images = build("coco", root=root).split("train").images
    with Image.open(user_folder / "train" / "5.png") as opened:
        assert np.array_equal(images[1], np.array(opened))


def test_images_without_a_file_are_left_out(build: Build, user_folder: Path) -> None:
    (user_folder / "train" / "7.png").unlink()
    data = build("coco", root=user_folder, annotations=FILES)
    assert data.num_images["train"] == 1
    assert data.faults["missing_file"] == 1
    assert data.split("train").annotations.image_ids.tolist() == [5]


@pytest.mark.parametrize("name", ["../outside.png", "../../outside.png", "a/../../outside.png", "{outside}"])
def test_a_file_name_that_leads_out_of_the_root_is_refused(build: Build, tmp_path: Path, name: str) -> None:
    user_folder, outside = make_user_folder(tmp_path / "root"), tmp_path / "outside.png"
    shutil.copy(user_folder / "test" / "7.png", outside)
    images = [{"id": 7, "file_name": name.format(outside=outside), "height": 30, "width": 40}]
    write_json(user_folder / "test.json", [an_object(1)], images=images)
    with pytest.raises(DataError, match=r"test\.json: an image's file name must stay within the root .*/root; got '"):
        build("coco", root=user_folder, annotations=FILES)


def test_a_link_and_a_way_round_within_the_root_are_no_way_out(build: Build, tmp_path: Path) -> None:
    user_folder = make_user_folder(tmp_path / "root")
    shutil.move(user_folder / "test", tmp_path / "elsewhere")
    (user_folder / "test").symlink_to(tmp_path / "elsewhere")
    shutil.copy(tmp_path / "elsewhere" / "5.png", user_folder / "beside.png")
    names = {7: "7.png", 5: "../beside.png"}
    images = [{"id": number, "file_name": name, "height": 30, "width": 40} for number, name in names.items()]
    write_json(user_folder / "test.json", [an_object(1)], images=images)
    data = build("coco", root=user_folder, annotations=FILES)
    assert data.faults.get("missing_file") is None
    with Image.open(tmp_path / "elsewhere" / "5.png") as opened:
        assert np.array_equal(data.split("test").images[1], np.array(opened))


def test_held_out_images_are_a_fixed_part(build: Build, user_folder: Path) -> None:
    splits = []
    for seed in (0, 1):
        data = build("coco:validation_images=1", root=user_folder, annotations=FILES, seed=seed)
        assert data.has_validation
        ids = {split: data.split(split).annotations.image_ids.tolist() for split in ("train", "validation")}
        assert sorted(ids["train"] + ids["validation"]) == [5, 7]
        ((_, targets),) = data.val_dataloader()
        assert [target["image_id"] for target in targets] == ids["validation"]
        splits.append(ids)
    assert splits[0] == splits[1]


def test_worker_processes_change_nothing(build: Build, user_folder: Path) -> None:
    read = [
        list(build(f"coco:workers={workers}", root=user_folder, annotations=FILES, batch_size=1).train_dataloader())
        for workers in (0, 1)
    ]
    for (images, targets), (expected, expected_targets) in zip(*read, strict=True):
        assert torch.equal(images[0], expected[0])
        assert torch.equal(targets[0]["masks"], expected_targets[0]["masks"])


def test_the_two_files_must_agree_on_the_categories(build: Build, user_folder: Path) -> None:
    other = [{"id": 20, "name": "horse"}, {"id": 3, "name": "cat"}]
    write_json(user_folder / "test.json", [an_object(1)], categories=other)
    with pytest.raises(DataError, match="must list the same categories in the same order of ids; got dog, horse"):
        build("coco", root=user_folder, annotations=FILES)


def test_an_image_of_another_size_than_annotated(build: Build, user_folder: Path) -> None:
    Image.new("RGB", (40, 31)).save(user_folder / "test" / "7.png")
    for workers in (0, 1):
        data = build(f"coco:workers={workers}", root=user_folder, annotations=FILES)
        with pytest.raises(DataError, match=r"^[^\n]*7\.png has another size .* must be 30×40; got 31×40$"):
            list(data.test_dataloader())


def test_a_folder_without_the_images(build: Build, user_folder: Path) -> None:
    shutil.rmtree(user_folder / "test")
    with pytest.raises(DataError, match=r"none of the 2 images that .*test\.json lists is there, such as 7\.png"):
        build("coco", root=user_folder, annotations=FILES)


def test_what_it_needs(build: Build, user_folder: Path) -> None:
    with pytest.raises(DataError, match="'coco' needs a root: name the folder"):
        build("coco")
    with pytest.raises(SpecError, match=r"validation_images must lie in \[0, 2\), .*; got validation_images=2"):
        build("coco:validation_images=2", root=user_folder, annotations=FILES)
    with pytest.raises(SpecError, match="workers must be at least 0; got workers=-1"):
        build("coco:workers=-1", root=user_folder)
