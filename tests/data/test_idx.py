import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from attnbench.data.idx import find_idx, read_idx
from attnbench.errors import DataError

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


def idx_bytes(values: np.ndarray) -> bytes:
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_back_what_was_written(tmp_path: Path, name: str) -> None:
    content = idx_bytes(VALUES)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    file = find_idx(tmp_path, "images")
    assert file == tmp_path / name
    np.testing.assert_array_equal(read_idx(file), VALUES)


def test_no_such_file(tmp_path: Path) -> None:
    assert find_idx(tmp_path, "images") is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (idx_bytes(VALUES)[:-3], r"images is damaged: it must hold 24 values, and has only 21; get the file anew"),
        (idx_bytes(VALUES) + b"x", r"images is damaged: it must hold 24 values, and has more"),
        (idx_bytes(VALUES)[:9], r"images is damaged: its header has 9 of 16 bytes"),
        (b"<html>", r"images is no IDX file of unsigned bytes; its first bytes are 3c68746d"),
        (bytes([0, 0, 8, 0]), r"images must have 1 to 3 dimensions; got 0"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**31, 4), r"images is damaged"),
        (bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**32 - 1, 2**32 - 1, 2**32 - 1), r"images is damaged"),
        (b"", r"images is no IDX file of unsigned bytes; its first bytes are missing"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(tmp_path / "images")


@pytest.mark.parametrize("damage", ["cut", "flipped", "plain"])
def test_a_damaged_gzip_is_named(tmp_path: Path, damage: str) -> None:
    content = bytearray(gzip.compress(idx_bytes(VALUES)))
    content[-6] ^= damage == "flipped"
    kept = {"cut": content[:-12], "flipped": content, "plain": idx_bytes(VALUES)}[damage]
    (tmp_path / "images.gz").write_bytes(kept)
    with pytest.raises(DataError, match=r"images\.gz is damaged or cannot be read: .*; get the file anew"):
        read_idx(tmp_path / "images.gz")


def test_a_gzipped_file_is_unpacked_no_further_than_its_header_says(tmp_path: Path) -> None:
    bomb = gzip.compress(idx_bytes(VALUES) + bytes(2**28))
    assert len(bomb) < 2**19
    (tmp_path / "images.gz").write_bytes(bomb)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="it must hold 24 values, and has more"):
            read_idx(tmp_path / "images.gz")
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
