"""Arrays as text, small enough to stand in a record."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedBits:
    """Booleans, eight to a byte, as base64 text."""

    num_bits: int
    """How many booleans."""
    data: str
    """Their bytes, first boolean in the highest bit, base64."""

    @classmethod
    def pack(cls, bits: NDArray[np.bool_]) -> "PackedBits":
        """Pack a boolean array of shape (num_bits,)."""
        return cls(num_bits=len(bits), data=base64.b64encode(np.packbits(bits).tobytes()).decode())

    @property
    def num_true(self) -> int:
        """How many of them are true; quicker than unpacking them."""
        return int.from_bytes(base64.b64decode(self.data), "big").bit_count()

    def unpack(self) -> NDArray[np.bool_]:
        """The boolean array of shape (num_bits,)."""
        packed = np.frombuffer(base64.b64decode(self.data), dtype=np.uint8)
        return np.unpackbits(packed, count=self.num_bits).astype(np.bool_)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackedIntegers:
    """Whole numbers that are not negative, as base64 text."""

    num_integers: int
    """How many."""
    bytes_each: int
    """Bytes of one: 1, 2, 4 or 8, lowest first."""
    data: str
    """Their bytes, base64."""

    @classmethod
    def pack(cls, integers: NDArray[np.int64]) -> "PackedIntegers":
        """Pack an array of shape (num_integers,) in as few bytes as its largest number allows."""
        assert integers.min(initial=0) >= 0
        packed = integers.astype(np.min_scalar_type(int(integers.max(initial=0))).newbyteorder("<"))
        data = base64.b64encode(packed.tobytes()).decode()
        return cls(num_integers=len(integers), bytes_each=packed.dtype.itemsize, data=data)

    @property
    def largest(self) -> int:
        """The largest of them; 0 where there are none."""
        return int(self.unpack().max(initial=0))

    def unpack(self) -> NDArray[np.int64]:
        """The array of shape (num_integers,)."""
        return np.frombuffer(base64.b64decode(self.data), dtype=f"<u{self.bytes_each}").astype(np.int64)


def fault_of_bits(name: str, bits: PackedBits, *, num_images: int) -> str | None:
    """What is wrong with a boolean an image, in words, or none.

    Args:
        name: What it is called in the record.
        bits: The booleans.
        num_images: Images that there are.
    """
    if bits.num_bits != num_images:
        return f"{name} must be of {num_images} images; got {bits.num_bits}"
    num_bytes = _num_bytes(bits.data)
    if num_bytes is None:
        return f"{name} must be base64"
    if num_bytes != (num_images + 7) // 8:
        return f"{name} must hold {num_images} bits, eight to a byte; got {num_bytes} bytes"
    return None


def fault_of_integers(name: str, integers: PackedIntegers, *, num_images: int) -> str | None:
    """What is wrong with a whole number an image, in words, or none.

    Args:
        name: What it is called in the record.
        integers: The numbers.
        num_images: Images that there are.
    """
    if integers.num_integers != num_images:
        return f"{name} must be of {num_images} images; got {integers.num_integers}"
    if integers.bytes_each not in (1, 2, 4, 8):
        return f"bytes_each of {name} must be 1, 2, 4 or 8; got {integers.bytes_each}"
    num_bytes = _num_bytes(integers.data)
    if num_bytes is None:
        return f"{name} must be base64"
    if num_bytes != num_images * integers.bytes_each:
        return f"{name} must hold {num_images} integers of {integers.bytes_each} bytes; got {num_bytes} bytes"
    return None


def _num_bytes(data: str) -> int | None:
    try:
        return len(base64.b64decode(data))
    except ValueError:
        return None
