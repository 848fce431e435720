"""Reads the IDX files in which the MNIST family is published."""

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import DataError

_UNSIGNED_BYTE = 0x08
_MOST_DIMENSIONS = 3


def find_idx(folder: Path, name: str) -> Path | None:
    """The file `name` in a folder, plain or gzipped, or none."""
    return next((file for file in (folder / name, folder / f"{name}.gz") if file.is_file()), None)


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped where its name ends in ``.gz``.

    Args:
        file: The file: two zero bytes, the type, the number of dimensions, each
            dimension as a big-endian 32-bit number, then the values.

    Returns:
        The array, of the dimensions in the file.

    Raises:
        DataError: If the file cannot be read, is cut short, or is something else.
    """
    try:
        with cast(BinaryIO, gzip.open(file) if file.suffix == ".gz" else file.open("rb")) as opened:
            shape = _shape(opened, file)
            expected = math.prod(shape)
            # No more than is wanted: a small gzipped file may be the compression of as much as one likes.
            content = opened.read(expected + 1)
    except (OSError, EOFError, zlib.error, OverflowError, MemoryError) as error:
        raise DataError(f"{file} is damaged or cannot be read: {error}; get the file anew") from error
    if len(content) != expected:
        got = f"only {len(content)}" if len(content) < expected else "more"
        raise DataError(f"{file} is damaged: it must hold {expected} values, and has {got}; get the file anew")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _shape(opened: BinaryIO, file: Path) -> tuple[int, ...]:
    """The dimensions in a file's header."""
    first = opened.read(4)
    if len(first) < 4 or first[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise DataError(f"{file} is no IDX file of unsigned bytes; its first bytes are {first.hex() or 'missing'}")
    number = first[3]
    if not 1 <= number <= _MOST_DIMENSIONS:
        raise DataError(f"{file} must have 1 to {_MOST_DIMENSIONS} dimensions; got {number}")
    dimensions = opened.read(4 * number)
    if len(dimensions) < 4 * number:
        raise DataError(
            f"{file} is damaged: its header has {4 + len(dimensions)} of {4 + 4 * number} bytes; get the file anew"
        )
    return struct.unpack(f">{number}I", dimensions)
