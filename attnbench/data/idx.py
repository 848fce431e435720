"""Reads the IDX files in which the MNIST family is published."""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import DataError

_UNSIGNED_BYTE = 0x08


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
        content = file.read_bytes()
        if file.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} is damaged or cannot be read: {error}; get the file anew") from error
    if len(content) < 4 or content[:3] != bytes((0, 0, _UNSIGNED_BYTE)):
        raise DataError(
            f"{file} is no IDX file of unsigned bytes; its first bytes are {content[:4].hex() or 'missing'}"
        )
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise DataError(f"{file} is damaged: its header has {len(content)} of {header} bytes; get the file anew")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise DataError(f"{file} is damaged: it has {len(content)} of {expected} bytes; get the file anew")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
