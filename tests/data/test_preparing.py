import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from attnbench.data.image_folder import MEAN, STD, evaluation_transform
from attnbench.data.preparing import as_pixels, prepared
from attnbench.errors import SpecError
from attnbench.preparation import Preparation

IMAGENET = Preparation(
    mean=tuple(255 * value for value in MEAN), std=tuple(255 * value for value in STD), crop_ratio=0.875
)


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    shape = (height, width, 3) if mode == "RGB" else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize(("width", "height"), [(50, 40), (37, 91), (24, 24), (400, 24), (25, 24)])
def test_an_image_is_prepared_as_the_folders_test_images_are(width: int, height: int) -> None:
    image = noise(width, height)
    cropped = evaluation_transform(24, crop_ratio=0.875)(image)
    expected = v2.functional.normalize(v2.functional.to_dtype(cropped, scale=True), MEAN, STD)
    torch.testing.assert_close(prepared(image, (3, 24, 24), IMAGENET), expected, rtol=1e-5, atol=1e-5)


def test_the_middle_of_an_image_is_kept_where_the_model_takes_no_square() -> None:
    image = Image.new("L", (60, 40))
    image.paste(200, (20, 0, 40, 40))  # what a window of the height and half of it as wide shows
    grey = prepared(image, (1, 40, 20), Preparation(mean=(0.0,), std=(1.0,)))
    assert torch.equal(grey, torch.full((1, 40, 20), 200.0))


def test_grey_images_are_given_to_three_channels_and_coloured_ones_as_luma_to_one() -> None:
    plain = Preparation(mean=(0.0,) * 3, std=(1.0,) * 3)
    three = prepared(Image.new("L", (9, 9), 77), (3, 5, 5), plain)
    assert three.unique().tolist() == [77.0]
    one = prepared(Image.new("RGB", (9, 9), (255, 0, 0)), (1, 5, 5), Preparation(mean=(6.0,), std=(2.0,)))
    assert one.unique().tolist() == [(76 - 6) / 2]


def test_a_model_of_other_channels_takes_no_files() -> None:
    with pytest.raises(SpecError, match="1 or 3 channels; the model takes 4"):
        prepared(noise(9, 9), (4, 5, 5), IMAGENET)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_was_prepared_looks_as_it_did(mode: str) -> None:
    image = noise(24, 24, mode)
    channels = len(image.getbands())
    preparation = Preparation(mean=(40.0, 50.0, 60.0)[:channels], std=(30.0, 70.0, 90.0)[:channels])
    inputs = prepared(image, (channels, 24, 24), preparation)
    assert np.array_equal(as_pixels(inputs[None], preparation)[0], np.array(image.convert("RGB")))


def test_without_a_normalisation_each_image_goes_from_black_to_white() -> None:
    values = torch.tensor([[-1.0, 0.0], [1.0, 3.0]])[None, None]
    assert as_pixels(values, None)[0, ..., 0].tolist() == [[0, 64], [128, 255]]
