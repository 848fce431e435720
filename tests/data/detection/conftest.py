import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from attnbench.data.detection import DetectionData, build_detection_data
from attnbench.detection_spec import DetectionRecipe

SQUARE = [[2.0, 3.0, 12.0, 3.0, 12.0, 8.0, 2.0, 8.0]]


@pytest.fixture
def build() -> Callable[..., DetectionData]:
    def make(
        text: str,
        *,
        root: Path | None = None,
        annotations: tuple[str, str] | None = None,
        seed: int = 0,
        masks: bool = True,
        **recipe: Any,
    ) -> DetectionData:
        made = build_detection_data(
            text,
            root=None if root is None else str(root),
            annotations=annotations,
            recipe=DetectionRecipe(**{"batch_size": 4, **recipe}),
            seed=seed,
            masks=masks,
        )
        made.setup()
        return made

    return make


def an_object(number: int, **changes: Any) -> dict[str, Any]:
    """A faultless 10×5 object at (2, 3) in the first image, but for what is changed."""
    return {
        "id": number,
        "image_id": 7,
        "category_id": 20,
        "bbox": [2.0, 3.0, 10.0, 5.0],
        "area": 50.0,
        "iscrowd": 0,
        "segmentation": SQUARE,
        **changes,
    }


def write_json(file: Path, objects: list[dict[str, Any]], **changes: Any) -> Path:
    """Annotations of two images of 30×40 and two categories, whose ids are not in order."""
    images = [{"id": number, "file_name": f"{number}.png", "height": 30, "width": 40} for number in (7, 5)]
    categories = [{"id": 20, "name": "dog"}, {"id": 3, "name": "cat"}]
    content = {"images": images, "annotations": objects, "categories": categories, **changes}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return file


def make_user_folder(folder: Path) -> Path:
    """A user's folder: two images to train on and two to test on."""
    random = np.random.RandomState(0)
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        for number in (7, 5):
            pixels = random.randint(256, size=(30, 40, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / part / f"{number}.png")
        objects = [
            an_object(1),
            an_object(2, category_id=3, bbox=[30.0, 20.0, 15.0, 6.0], area=60.0, segmentation=[]),
            an_object(3, iscrowd=1),
        ]
        write_json(folder / f"{part}.json", objects)
    return folder


@pytest.fixture
def user_folder(tmp_path: Path) -> Path:
    """What `make_user_folder` makes."""
    return make_user_folder(tmp_path)
