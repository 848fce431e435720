import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnbench.data.detection import DetectionData
from attnbench.data.detection.writing import write_folder
from attnbench.errors import DataError
from tests.data.detection.conftest import an_object, write_json
from tests.data.detection.test_cluttered_scenes import TINY

Build = Callable[..., DetectionData]


def test_writing_goes_on_in_its_own_folder_and_in_no_other(build: Build, tmp_path: Path) -> None:
    made, out = build(TINY), tmp_path / "out"
    write_folder(made, out, description="tiny")
    image = out / "test" / made.split("test").annotations.file_names[0]
    content = image.read_bytes()
    image.unlink()
    write_folder(made, out, description="tiny")
    assert image.read_bytes() == content
    with pytest.raises(DataError, match="must be empty, or hold this very data set"):
        write_folder(build(f"{TINY},data_seed=1"), out, description="tiny")
    assert json.loads((out / "annotations" / "test.json").read_bytes())["info"]["description"] == "tiny, test"


def test_files_of_images_are_copied_as_they_are(build: Build, user_folder: Path, tmp_path: Path) -> None:
    source = user_folder / "test" / "7.jpg"
    with Image.open(user_folder / "test" / "7.png") as opened:
        opened.convert("L").save(source, quality=30)
    names = {7: "7.jpg", 5: "5.png"}
    images = [{"id": number, "file_name": name, "height": 30, "width": 40} for number, name in names.items()]
    write_json(user_folder / "test.json", [an_object(1), an_object(2, bbox=[0, 0, 0, 0])], images=images)
    made = build("coco", root=user_folder, annotations=("train.json", "test.json"))
    files = write_folder(made, tmp_path / "out", description="mine")
    written = tmp_path / "out" / "test"
    assert {file.name for file in written.iterdir()} == set(names.values())
    assert (written / "7.jpg").read_bytes() == source.read_bytes()
    again = build("coco", root=tmp_path / "out", annotations=("annotations/train.json", "annotations/test.json"))
    assert (made.faults["empty_box"], again.faults.get("empty_box")) == (1, None)
    assert np.array_equal(again.split("test").images[0], made.split("test").images[0])
    listed = json.loads(files["test"].read_bytes())["images"]
    assert [entry["file_name"] for entry in listed] == ["7.jpg", "5.png"]


def test_what_is_written_as_png_is_named_so(build: Build, tmp_path: Path) -> None:
    made = build(TINY)
    assert made._loaded is not None
    test = made.split("test")
    names = tuple(name.replace(".png", ".jpg") for name in test.annotations.file_names)
    named = replace(test, annotations=replace(test.annotations, file_names=names))
    made._loaded = replace(made._loaded, splits={**made._loaded.splits, "test": named})
    files = write_folder(made, tmp_path / "out", description="tiny")
    listed = [entry["file_name"] for entry in json.loads(files["test"].read_bytes())["images"]]
    assert listed == [f"{name}.png" for name in names]
    with Image.open(tmp_path / "out" / "test" / listed[0]) as opened:
        assert opened.format == "PNG"


def test_a_name_that_leads_out_of_a_written_split_is_refused(build: Build, user_folder: Path, tmp_path: Path) -> None:
    shutil.copy(user_folder / "test" / "7.png", user_folder / "beside.png")
    images = [{"id": 7, "file_name": "../beside.png", "height": 30, "width": 40}]
    write_json(user_folder / "test.json", [an_object(1)], images=images)
    made = build("coco", root=user_folder, annotations=("train.json", "test.json"))
    with pytest.raises(DataError, match=r"must stay within the folder of its split; got '\.\./beside\.png'"):
        write_folder(made, tmp_path / "out", description="mine")
    assert not (tmp_path / "out" / "beside.png").exists()
