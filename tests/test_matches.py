import base64
import dataclasses
import zlib

import numpy as np
import pytest

from attnbench.matches import AREAS, IOU_THRESHOLDS, Matches, MatchTable


def table(num_detections: int, *, num_images: int = 7, num_classes: int = 3) -> MatchTable:
    """Detections with every bit at random."""
    generator = np.random.default_rng(num_detections)
    shape = (num_detections, len(AREAS), len(IOU_THRESHOLDS))
    return MatchTable(
        num_images=num_images,
        num_classes=num_classes,
        image=np.sort(generator.integers(num_images, size=num_detections)),
        label=generator.integers(num_classes, size=num_detections),
        score=generator.random(num_detections, dtype=np.float32),
        hit=generator.random(shape) < 0.5,
        ignored=generator.random(shape) < 0.5,
        objects=generator.integers(400, size=(num_images, num_classes, len(AREAS))),
    )


@pytest.mark.parametrize("num_detections", [0, 1, 7, 1000])
def test_unpacks_what_was_packed(num_detections: int) -> None:
    expected = table(num_detections)
    matches = Matches.pack(expected)
    assert matches.num_detections == num_detections
    for field in dataclasses.fields(MatchTable):
        got, wanted = getattr(matches.unpack(), field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(got, wanted, strict=isinstance(wanted, np.ndarray))


def test_a_split_of_no_image_packs_too() -> None:
    assert Matches.pack(table(0, num_images=0)).unpack().objects.shape == (0, 3, 4)


def test_thresholds_are_those_of_coco() -> None:
    # Its 0.9 is one rounding below 0.9, which an overlap of nine tenths may also be.
    assert np.array_equal(IOU_THRESHOLDS, np.linspace(0.5, 0.95, int(np.round((0.95 - 0.5) / 0.05)) + 1))
    assert AREAS == ("all", "small", "medium", "large")


def test_matches_that_repeat_take_little_space() -> None:
    repeated = dataclasses.replace(
        table(10_000), hit=np.zeros((10_000, 4, 10), dtype=bool), ignored=np.zeros((10_000, 4, 10), dtype=bool)
    )
    # What is left is the scores, four bytes each, and the labels; base64 adds a third.
    assert len(Matches.pack(repeated).data) < 7 * 10_000
    assert len(Matches.pack(table(10_000)).data) > 18 * 10_000


@pytest.mark.parametrize("position", [0, 40, -1])
def test_damaged_data_is_refused(position: int) -> None:
    matches = Matches.pack(table(50))
    compressed = bytearray(base64.b64decode(matches.data))
    compressed[position] ^= 0xFF
    with pytest.raises(ValueError, match="Error -3"):
        dataclasses.replace(matches, data=base64.b64encode(compressed).decode()).unpack()


@pytest.mark.parametrize("data", ["", "eJw", "nö", "!!!!", "AAAA"])
def test_text_that_is_no_data_is_refused(data: str) -> None:
    matches = Matches.pack(table(50))
    with pytest.raises(ValueError, match=r"\w"):
        dataclasses.replace(matches, data=data).unpack()


@pytest.mark.parametrize("cut", [4, 400])
def test_data_that_was_cut_short_is_refused(cut: int) -> None:
    matches = Matches.pack(table(50))
    with pytest.raises(ValueError, match="does not hold the"):
        dataclasses.replace(matches, data=matches.data[:-cut]).unpack()


@pytest.mark.parametrize("change", [{"num_detections": 51}, {"num_images": 6}, {"num_classes": 4}])
def test_sizes_must_be_those_of_the_data(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"does not hold the \d+ bytes"):
        dataclasses.replace(Matches.pack(table(50)), **change).unpack()


def test_sizes_below_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="-1 detections of 3 classes in 7 images"):
        dataclasses.replace(Matches.pack(table(0)), num_detections=-1).unpack()


@pytest.mark.parametrize("change", [{"image": np.full(50, 7)}, {"label": np.full(50, 3)}])
def test_detections_must_be_of_an_image_and_a_class(change: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="none of 7 images and 3 classes"):
        Matches.pack(dataclasses.replace(table(50), **change)).unpack()


def test_data_of_any_size_is_not_taken_into_memory() -> None:
    bomb = base64.b64encode(zlib.compress(bytes(50_000_000))).decode()
    with pytest.raises(ValueError, match="does not hold the"):
        dataclasses.replace(Matches.pack(table(5)), data=bomb).unpack()
