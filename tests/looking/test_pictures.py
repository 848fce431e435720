import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnbench.data.cluttered_digits import CLASSES
from attnbench.looking import Given, Images, Look, Weights, draw_looks
from attnbench.looking.compared import draw_compared
from attnbench.looking.tiles import Tiles, identity
from attnbench.models.saved import ClassifierDescription
from attnbench.visualize import View, overlaid
from tests.saved import run_of

MODULE = "layer3.0.se"


def images_of(labels: Sequence[int] | None, size: tuple[int, int] = (8, 8)) -> Images:
    pixels = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    known = None if labels is None else np.array(labels)
    import torch

    return Images(
        names=("one.png", "two.png"), inputs=torch.zeros(2, 1, *size), pixels=pixels, labels=known, source="S"
    )


def look_of(attention: str, *, strength: np.ndarray | None = None, class_weights: bool = False) -> Look:  # type: ignore[type-arg]
    description = ClassifierDescription(
        spec=run_of(attention), num_classes=10, image_shape=(1, 8, 8), class_names=CLASSES
    )
    heat = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    view = View(name="gate", kind="map", values=heat, low=0, high=7, caption="the gate; colours from 0 to 7")
    weights = {f"{MODULE} gate": np.where(np.arange(10)[:, None] < 2, 0.5, np.nan) * np.ones(4)}
    return Look(
        name=attention,
        weights=Weights(file=Path("models") / "a.ckpt", sha256="0123456789abcdef", description=description),
        predicted=np.array([3, 4]),
        probability=np.array([0.5, 0.25], np.float32),
        heat=heat,
        heat_layer="layer3",
        views={} if attention == "none" else {MODULE: [view]},
        is_chosen=False,
        class_weights=weights if class_weights else {},
        strength=strength,
    )


def test_grad_cam_and_strength_stand_beside_the_image() -> None:
    strength = np.array([[[0.0, 1.0], [0.5, 0.5]]] * 2, np.float32)
    images, looks = images_of([3, 5]), [look_of("none"), look_of("sge:groups=4", strength=strength)]
    picture, sheet = draw_compared(looks, images)
    drawn = np.asarray(sheet)
    scale = Tiles(images=images, least=120, most=200).scale
    low, high = np.percentile(strength, [1, 99])
    for expected in (
        overlaid(images.pixels[1], looks[0].heat[1], low=0, high=7, colours="inferno", scale=scale),
        overlaid(images.pixels[1], strength[1], low=low, high=high, scale=scale),
        Tiles(images=images, least=120, most=200).image(1),
    ):
        assert contains(drawn, np.asarray(expected))
    assert picture.title == "Grad-CAM and strength of none and sge:groups=4"
    for words in (
        "Grad-CAM for the true class, at the output of layer3", "green if right and red if wrong",
        f"sge:groups=4 {low:.3g} to {high:.3g}",
    ):  # fmt: skip
        assert words in picture.caption
    green, red = (np.array(colour, np.uint8) for colour in ((0, 110, 60), (190, 40, 20)))
    assert (drawn == green).all(-1).any()
    assert (drawn == red).all(-1).any()


def test_without_labels_nothing_is_right_or_wrong() -> None:
    picture, sheet = draw_compared([look_of("none")], images_of(None))
    assert "Grad-CAM for the class that the model predicts" in picture.caption
    assert "right" not in picture.caption
    assert "strength" not in picture.caption.lower()
    assert not (np.asarray(sheet) == np.array((190, 40, 20), np.uint8)).all(-1).any()


def test_a_module_that_does_the_same_everywhere_looks_like_it() -> None:
    strength = 0.5 + 1e-6 * np.random.default_rng(0).random((2, 4, 4)).astype(np.float32)
    picture, _ = draw_compared([look_of("se", strength=strength)], images_of([3, 5]))
    assert "se 0.475 to 0.525" in picture.caption
    picture, _ = draw_compared([look_of("se", strength=np.zeros((2, 4, 4), np.float32))], images_of([3, 5]))
    assert "se 0 to 0.05" in picture.caption


def test_a_module_in_a_convolutions_place_is_said_to_have_no_strength() -> None:
    picture, _ = draw_compared([look_of("sk")], images_of([3, 5]))
    assert "There is no strength of sk: the module stands in a convolution's place" in picture.caption


def test_each_picture_says_what_it_shows_and_who_made_it() -> None:
    images = images_of([0, 1])
    drawn = draw_looks([look_of("none"), look_of("se:reduction=2", class_weights=True)], images, images)
    files = ["compare.png", "se_reduction_2-maps.png", "se_reduction_2-classes.png"]
    assert [picture.file for picture in drawn.album.pictures] == list(drawn.files) == files
    for content in drawn.files.values():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.info["Software"] == "attnbench visualize"
    maps = drawn.album.pictures[1]
    assert [(line.name, line.caption) for line in maps.lines] == [(f"{MODULE} gate", "the gate; colours from 0 to 7")]
    assert maps.caption.startswith(f"The last attention module of each stage: {MODULE}.")
    assert drawn.album.conditions[0] == "Images: S."
    assert "se:reduction=2, seed 0, a.ckpt, SHA-256 0123456789ab…" in drawn.album.conditions[2]


def test_equal_looks_give_equal_pictures() -> None:
    images = images_of([0, 1])
    first, again = (draw_looks([look_of("se:reduction=2", class_weights=True)], images, images) for _ in range(2))
    assert first.files == again.files


@pytest.mark.parametrize(("size", "expected"), [((28, 28), (112, 112)), ((256, 128), (64, 128))])
def test_images_are_enlarged_or_shrunk(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert Tiles(images=images_of(None, size), least=96, most=128).size == expected


def test_a_name_that_is_no_variant_is_explained() -> None:
    look = look_of("none")
    assert identity(look).startswith("none, seed 0")
    assert Given().over(look.spec) == look.spec


def contains(sheet: np.ndarray, part: np.ndarray) -> bool:  # type: ignore[type-arg]
    height, width = part.shape[:2]
    corners = (sheet[: sheet.shape[0] - height + 1, : sheet.shape[1] - width + 1] == part[0, 0]).all(-1)
    return any(
        np.array_equal(sheet[y : y + height, x : x + width], part) for y, x in zip(*np.nonzero(corners), strict=True)
    )
