import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.coco_json import decode_annotations, encode_annotations, read_annotations
from attnbench.data.detection.faults import FAULTS, fault_sentences
from attnbench.errors import DataError
from tests.data.detection.conftest import SQUARE, an_object, write_json


def test_reads_objects_image_by_image_and_labels_by_category_id(tmp_path: Path) -> None:
    objects = [
        an_object(1, image_id=5, bbox=[1, 2, 3, 4], area=9.5),
        an_object(2, category_id=3),
        an_object(3, image_id=5, iscrowd=1),
    ]
    read, faults = read_annotations(write_json(tmp_path / "a.json", objects))
    assert faults == {}
    assert read.classes == ("cat", "dog")
    assert read.file_names == ("7.png", "5.png")
    assert read.image_ids.tolist() == [7, 5]
    assert read.sizes.tolist() == [[30, 40], [30, 40]]
    assert read.starts.tolist() == [0, 1, 3]
    assert read.labels.tolist() == [1, 2, 2]
    assert read.boxes.tolist() == [[2, 3, 12, 8], [1, 2, 4, 6], [2, 3, 12, 8]]
    assert read.areas.tolist() == [50, 9.5, 50]
    assert read.crowds.tolist() == [False, False, True]
    assert read.masks_of([0], 0).sum() == 50


def test_images_without_objects_stay(tmp_path: Path) -> None:
    read, _ = read_annotations(write_json(tmp_path / "a.json", []))
    assert read.num_images == 2
    assert read.starts.tolist() == [0, 0, 0]
    assert read.boxes.shape == (0, 4)
    assert read.chosen(np.array([1])).image_ids.tolist() == [5]


@pytest.mark.parametrize(
    ("fault", "changes", "is_kept"),
    [
        ("unknown_image", {"image_id": 99}, False),
        ("unknown_category", {"category_id": 1}, False),
        ("duplicate_id", {"id": 1}, True),
        ("not_finite_box", {"bbox": None}, False),
        ("not_finite_box", {"bbox": [1, 2, 3]}, False),
        ("not_finite_box", {"bbox": [1, 2, 3, float("nan")]}, False),
        ("not_finite_box", {"bbox": [float("-inf"), 2, 3, 4]}, False),
        ("empty_box", {"bbox": [1, 2, 0, 4]}, False),
        ("empty_box", {"bbox": [1, 2, 3, -4]}, False),
        ("outside_box", {"bbox": [40, 2, 3, 4]}, False),
        ("outside_box", {"bbox": [5, -8, 3, 8]}, False),
        ("clipped_box", {"bbox": [38, 2, 3, 4]}, True),
        ("no_mask", {"segmentation": []}, True),
        ("no_mask", {"segmentation": [[1, 2, 3, 4, float("nan"), 6]]}, True),
        ("no_area", {"area": None}, True),
        ("no_area", {"area": -1}, True),
    ],
)
def test_each_fault_is_counted_once(tmp_path: Path, fault: str, changes: dict[str, Any], is_kept: bool) -> None:
    file = write_json(tmp_path / "a.json", [an_object(1), an_object(2, **changes)])
    read, faults = read_annotations(file)
    assert faults == {fault: 1}
    assert len(read.labels) == 1 + is_kept


def test_a_rounded_box_at_the_border_is_no_fault(tmp_path: Path) -> None:
    read, faults = read_annotations(write_json(tmp_path / "a.json", [an_object(1, bbox=[30, 2, 10.3, 4])]))
    assert faults == {}
    assert read.boxes.tolist() == [[30, 2, 40.3, 6]]


def test_an_object_without_area_has_that_of_its_mask_or_box(tmp_path: Path) -> None:
    objects = [an_object(1, area=None), an_object(2, area=None, segmentation=None, bbox=[36, 4, 10, 5])]
    read, faults = read_annotations(write_json(tmp_path / "a.json", objects))
    assert read.areas.tolist() == [50, 20]
    assert faults == {"no_area": 2, "no_mask": 1, "clipped_box": 1}


def test_an_image_whose_id_is_taken_is_left_out(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": name, "height": 30, "width": 40} for name in ("first.png", "second.png")]
    read, faults = read_annotations(write_json(tmp_path / "a.json", [an_object(1)], images=images))
    assert faults == {"duplicate_image": 1}
    assert read.file_names == ("first.png",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no JSON", r"a\.json is not JSON: .*; wanted is COCO's JSON, an object with images, annotations and categ"),
        ("[1, 2]", r"does not hold annotations: Expected `object`, got `array`; wanted is"),
        ('{"images": []}', r"missing required field `annotations`"),
        ('{"images": [], "annotations": [NaN], "categories": []}', r"does not hold annotations: .*null"),
        ('{"images": [], "annotations": [], "categories": []}', r"lists no images: 0 images, 0 categories; both"),
    ],
)
def test_what_is_no_file_of_annotations(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(DataError, match=message):
        read_annotations(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read the annotations .*a\.json: No such file"):
        read_annotations(tmp_path / "a.json")


def test_impossible_entries(tmp_path: Path) -> None:
    twice = [{"id": 3, "name": "cat"}, {"id": 3, "name": "dog"}]
    with pytest.raises(DataError, match="lists a category twice: each id may be there once; got 3 again"):
        read_annotations(write_json(tmp_path / "a.json", [], categories=twice))
    flat = [{"id": 1, "file_name": "flat.png", "height": 0, "width": 4}]
    with pytest.raises(DataError, match=r"must be at least 1, with 178,956,970 pixels at most; got 0×4 for flat\.png"):
        read_annotations(write_json(tmp_path / "a.json", [], images=flat))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    objects = [an_object(1, bbox=[0.1, 0.2, 3.3, 4.7], area=1 / 3), an_object(2, image_id=5, iscrowd=1)]
    read, _ = read_annotations(write_json(tmp_path / "a.json", objects))
    again, faults = decode_annotations(encode_annotations(read, description="a test"), source="memory")
    assert faults == {}
    for name in Annotations.__dataclass_fields__:
        if name not in ("boxes", "segmentations"):
            assert np.array_equal(getattr(read, name), getattr(again, name)), name
    np.testing.assert_allclose(again.boxes, read.boxes, rtol=1e-15)
    assert [json.loads(content) for content in again.segmentations] == [SQUARE, SQUARE]


def test_one_sentence_a_fault() -> None:
    sentences = fault_sentences(dict.fromkeys(reversed(FAULTS), 1234))
    assert len(sentences) == len(FAULTS)
    assert sentences[0] == "Images without a file (missing_file): 1,234; left out, with their objects."


def test_a_number_that_no_array_holds_is_refused_in_a_sentence() -> None:
    images = f'[{{"id": {2**63}, "file_name": "a.png", "height": 4, "width": 4}}]'
    content = f'{{"images": {images}, "annotations": [], "categories": [{{"id": 1, "name": "a"}}]}}'
    with pytest.raises(DataError, match="does not hold annotations"):
        decode_annotations(content.encode(), source="a test")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"images": [{"id": 1, "file_name": "\xff", "height": 1, "width": 1}]}', "can't decode byte 0xff"),
        (b'{"later": ' + b"[" * 100_000, "maximum recursion depth exceeded"),
    ],
)
def test_bytes_that_are_no_text_and_brackets_without_end(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^s does not hold annotations: .*{message}.*; wanted is COCO's JSON"):
        decode_annotations(content, source="s")


@pytest.mark.parametrize("sides", [(2**31, 2**31), (2**62, 4), (1, 178_956_971)])
def test_an_image_that_fills_the_memory_is_refused(tmp_path: Path, sides: tuple[int, int]) -> None:
    large = [{"id": 7, "file_name": "a.png", "height": sides[0], "width": sides[1]}]
    with pytest.raises(DataError, match=r"with 178,956,970 pixels at most; got \d+×\d+ for a\.png"):
        read_annotations(write_json(tmp_path / "a.json", [an_object(1, area=None)], images=large))
