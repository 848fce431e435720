"""What lies behind the items of a cluttered scene: a coloured gradient, smooth noise, lines and blobs."""

import numpy as np
from numpy.typing import NDArray

# Whole numbers of 32 bits, of which these are the fraction: exact on every machine, and fast.
_BITS = 8
_ONE = 1 << _BITS
_GRIDS = (3, 7, 17)
_AMPLITUDES = (55, 35, 22)
_GRAIN = 8


def draw_background(size: int, random: np.random.RandomState) -> NDArray[np.int32]:
    """A textured background in whole grey levels, which may leave [0, 255] a little: (size, size, 3)."""
    tone = random.randint(50, 190)
    image = np.full((size, size, 3), tone, dtype=np.int32)
    strength = random.randint(60, 130)
    for cells, amplitude in zip(_GRIDS, _AMPLITUDES, strict=True):
        height = amplitude * strength // 100
        image += _smooth(random.randint(-height, height + 1, size=(cells, cells, 3), dtype=np.int32), size)
    for _ in range(random.randint(4, 11)):
        _draw_fragment(image, random)
    image += random.randint(-_GRAIN, _GRAIN + 1, size=(size, size, 1), dtype=np.int32)
    return image


def _smooth(grid: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    """Spread a grid's values bilinearly over the image, in whole numbers: (cells, cells, 3) to (size, size, 3)."""
    cells = len(grid)
    place = (np.arange(size) * (cells - 1) * _ONE // (size - 1)).astype(np.int32)
    first = np.minimum(place >> _BITS, cells - 2)
    part = place - (first << _BITS)
    rows = grid[first] * (_ONE - part)[:, None, None] + grid[first + 1] * part[:, None, None]
    spread: NDArray[np.int32] = rows[:, first] * (_ONE - part)[:, None] + rows[:, first + 1] * part[:, None]
    return spread >> (2 * _BITS)


def _draw_fragment(image: NDArray[np.int32], random: np.random.RandomState) -> None:
    """Lay a half-transparent bar or blob over a part of the image."""
    size = len(image)
    x, y = random.randint(size, size=2)
    angle = random.uniform(0, np.pi)
    length, width = size * random.uniform(0.05, 0.35), size * random.uniform(0.01, 0.08)
    colour = random.randint(20, 236, size=3, dtype=np.int32)
    round_ = random.randint(2)
    opacity = random.randint(90, 230)
    reach = int(length + width) + 1
    rows, columns = (slice(max(0, at - reach), min(size, at + reach + 1)) for at in (y, x))
    dy, dx = np.arange(size)[rows, None] - y, np.arange(size)[columns] - x
    # Directions in whole numbers, so that a last bit of a cosine decides no pixel.
    across, along = round(_ONE * np.cos(angle)), round(_ONE * np.sin(angle))
    u, v = dx * across + dy * along, dy * across - dx * along
    half, thick = round(_ONE * length), round(_ONE * width)
    inside = (
        (u * thick) ** 2 + (v * half) ** 2 <= (half * thick) ** 2 if round_ else (abs(u) <= half) & (abs(v) <= thick)
    )
    part = image[rows, columns]
    part[inside] += (colour - part[inside]) * opacity >> 8
