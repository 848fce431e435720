import msgspec
import numpy as np
import pytest
from pycocotools import mask as reference

from attnbench.data.detection.masks import RunLengths, decompressed, draw_mask, encode_mask, parse_segmentation


def random_mask(seed: int, share: float) -> np.ndarray:
    return np.random.RandomState(seed).uniform(size=(37, 53)) < share


@pytest.mark.parametrize("share", [0.0, 0.003, 0.3, 0.9, 1.0])
def test_run_lengths_as_pycocotools_writes_and_reads_them(share: float) -> None:
    mask = random_mask(1, share)
    expected = reference.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode()
    runs = encode_mask(mask)
    assert runs == RunLengths(size=(37, 53), counts=expected)
    column_by_column = np.diff(np.flatnonzero(np.diff(mask.T.ravel(), prepend=False, append=not mask[-1, -1])))
    assert decompressed(expected)[1:].tolist() == column_by_column.tolist()
    parsed = parse_segmentation(msgspec.json.encode(runs), 37, 53)
    assert np.array_equal(draw_mask(parsed, np.zeros(4), 37, 53), mask)


def test_plain_run_lengths() -> None:
    parsed = parse_segmentation(b'{"size": [3, 4], "counts": [4, 3, 5]}', 3, 4)
    assert draw_mask(parsed, np.zeros(4), 3, 4).tolist() == [[0, 0, 1, 0], [0, 1, 0, 0], [0, 1, 0, 0]]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_polygons_as_pycocotools_draws_them() -> None:
    polygons = [[2.5, 3, 20, 1, 17.5, 30.5], [30, 10, 52, 10, 52, 30, 31, 33]]
    parsed = parse_segmentation(msgspec.json.encode(polygons), 37, 53)
    expected = reference.decode(reference.merge(reference.frPyObjects(polygons, 37, 53)))
    assert np.array_equal(draw_mask(parsed, np.zeros(4), 37, 53), expected)


def test_without_a_segmentation_the_box_is_filled() -> None:
    mask = draw_mask(None, np.array([2.0, 3.0, 6.0, 99.0]), 10, 12)
    expected = np.zeros((10, 12), dtype=np.uint8)
    expected[3:, 2:6] = 1
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b"[]",
        b"[[1, 2, 3, 4]]",
        b'{"size": [37, 53], "counts": "\xff"}',
        b'{"size": [37, 53], "counts": [4611686018427387904, 4611686018427387904, 4611686018427387904, '
        b"4611686018427387904, 1961]}",  # whose sum is 2**64 and the pixels
        b'{"size": [37, 53], "counts": [' + b"0, " * 2_000 + b"1961]}",
        b"[" * 100_000,
        b"[[1, 2, 3, 4, 5, 6, 7]]",
        b'[["a", 2, 3, 4, 5, 6]]',
        b"[[1, 2, 3, 4, 5, 600]]",
        b"[1, 2, 3, 4, 5, 6]",
        b'"text"',
        b'{"size": [3, 4], "counts": [4, 3, 6]}',
        b'{"size": [4, 3], "counts": [4, 3, 5]}',
        b'{"size": [3, 4], "counts": [4, -3, 11]}',
        b'{"size": [3, 4], "counts": [99999999999999999999]}',
        b'{"size": [3, 4], "counts": ""}',
        b'{"size": [3, 4], "counts": "hello"}',
        b'{"size": [3, 4], "counts": "\xc3\xa9"}',
        b'{"size": [3, 4], "counts": "ooooooooooooo0"}',
        b'{"size": [3, 4]}',
    ],
)
def test_what_is_no_segmentation_of_the_image(content: bytes) -> None:
    assert parse_segmentation(content, 3, 4) is None
