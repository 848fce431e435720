from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attnbench.data import ImageData
from attnbench.data.preparing import prepared
from attnbench.errors import CheckpointError, SpecError
from attnbench.looking import images_of_classes, images_of_data, images_of_files, read_test_images
from attnbench.models.saved import ClassifierDescription
from attnbench.preparation import Preparation
from tests.saved import PREPARATION, run_of


def describe(preparation: Preparation | None = PREPARATION) -> ClassifierDescription:
    return ClassifierDescription(spec=run_of(), num_classes=10, image_shape=(1, 28, 28), preparation=preparation)


@pytest.fixture(scope="module")
def data() -> ImageData:
    return read_test_images(run_of())


def test_the_first_test_images_have_one_of_each_class_before_there_is_a_second(data: ImageData) -> None:
    loader = data.test_dataloader()
    assert loader.labels is not None
    labels = loader.labels.tolist()
    found = images_of_data(data, "digits", number=12)
    places = [int(name.removeprefix("test image ")) for name in found.names]
    assert sorted(labels[place] for place in places[:10]) == list(range(10))
    assert places[:10] == sorted(labels.index(label) for label in range(10))
    assert places[10:] == [place for place in range(40) if place not in places[:10]][:2]
    assert found.labels is not None
    assert found.labels.tolist() == [labels[place] for place in places]
    whole = torch.cat([images for images, _ in loader])
    assert torch.equal(found.inputs, whole[places])
    assert np.array_equal(found.pixels[..., 1], loader.images[places, 0].numpy())  # type: ignore[attr-defined]
    assert found.source == "the first 12 test images of digits, one of each class first, counted from 0"


def test_no_more_images_are_taken_than_there_are(data: ImageData) -> None:
    assert len(images_of_data(data, "digits", number=1000).names) == 40


def test_the_first_images_of_each_class_are_taken_over_several_batches(data: ImageData) -> None:
    labels = data.test_dataloader().labels
    assert labels is not None
    found = images_of_classes(data, "digits", [7, 2], number=3)
    assert found is not None
    assert found.labels is not None
    expected = [index for label in (7, 2) for index in torch.where(labels == label)[0].tolist()[:3]]
    assert found.names == tuple(f"test image {index}" for index in expected)
    everything = images_of_classes(data, "digits", range(10), number=40)
    assert everything is not None
    assert len(everything.names) == 40  # more than a batch of 32


def test_files_and_folders_of_any_size_are_prepared_as_test_images(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    random = np.random.default_rng(0)
    for name in ("c.PNG", "a.jpg", "b.png"):
        Image.fromarray(random.integers(0, 256, (60, 50, 3), dtype=np.uint8)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    single = tmp_path / "single.png"
    Image.new("L", (5, 9), 200).save(single)
    found = images_of_files([single, folder], describe(), number=2)
    assert found.names == ("single.png", "a.jpg", "b.png")
    assert found.labels is None
    with Image.open(folder / "b.png") as image:
        assert torch.equal(found.inputs[2], prepared(image, (1, 28, 28), PREPARATION))
    assert torch.allclose(found.inputs[0], torch.tensor((200 - 50) / 60))
    assert np.array_equal(found.pixels[0], np.full((28, 28, 3), 200))


def test_a_photo_is_seen_as_its_camera_was_held(tmp_path: Path) -> None:
    upright = Image.new("L", (28, 28))
    upright.paste(255, (0, 0, 28, 14))  # light above
    exif = Image.Exif()
    exif[274] = 3  # upside down
    upright.rotate(180).save(tmp_path / "photo.png", exif=exif)
    assert np.array_equal(
        images_of_files([tmp_path / "photo.png"], describe(), number=1).pixels[0, ..., 0], np.array(upright)
    )


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"there is no image, and no folder of images, '.*nowhere'"):
        images_of_files([tmp_path / "nowhere"], describe(), number=1)
    with pytest.raises(SpecError, match=r"holds no image; allowed: \.png"):
        images_of_files([tmp_path], describe(), number=1)
    with pytest.raises(CheckpointError, match="does not say how images are normalised"):
        images_of_files([tmp_path], describe(None), number=1)
