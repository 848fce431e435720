"""Turns, scales and tints an item, and lays it over an image."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attnbench.data.detection.items import Item

# Whole numbers of 32 bits with these fractional bits: exact on every machine, and fast.
_PLACE_BITS = 16
_WEIGHT_BITS = 8
_LARGEST_TURN = np.pi / 6
# Part of its side by which an item may leave the image.
_BEYOND = 0.15
_LONGEST = 1.15
_FRAGMENT_PARTS = (0.35, 0.55)


@dataclass(frozen=True)
class Patch:
    """A tinted item at its place in the image, cut off at the image's border."""

    rows: slice
    """Rows of the image that it spans."""
    columns: slice
    """Columns of the image that it spans."""
    colours: NDArray[np.int32]
    """RGB (H, W, 3)."""
    coverage: NDArray[np.int32]
    """How much of each pixel it covers, 0 to 255 (H, W)."""
    whole_area: int
    """Pixels of its mask before it was cut off."""
    source: int
    """Index of the item among its sources."""
    is_fragment: bool
    """Whether it is but a piece of an item, which is no object of the scene."""


def place(
    item: Item,
    source: int,
    side: float,
    taken: NDArray[np.bool_],
    random: np.random.RandomState,
    *,
    is_fragment: bool,
    tries: int,
) -> Patch:
    """Turn, scale and tint an item, and find it a place where it hides little.

    Args:
        item: The item.
        source: Its index.
        side: Side of a square as large as its mask shall be, pixels.
        taken: Pixels of the image that are taken (size, size).
        random: Draws all.
        is_fragment: Whether only a piece of it is kept.
        tries: Places to choose from.
    """
    size = len(taken)
    shade, coverage = _turned(item, side, size, random)
    if is_fragment:
        coverage = _piece(coverage, random)
    shade, coverage = _trimmed(shade, coverage)
    whole = Patch(
        rows=slice(0, 0),
        columns=slice(0, 0),
        colours=_tinted(shade, random),
        coverage=coverage,
        whole_area=int((coverage >= 128).sum()),
        source=source,
        is_fragment=is_fragment,
    )
    places = [_moved(whole, size, random) for _ in range(tries)]
    hidden = [int((taken[patch.rows, patch.columns] & (patch.coverage >= 128)).sum()) for patch in places]
    return places[int(np.argmin(hidden))]


def lay(image: NDArray[np.int32], patch: Patch) -> None:
    """Lay a patch over the image."""
    under = image[patch.rows, patch.columns]
    under += (patch.colours - under) * (patch.coverage + (patch.coverage >> 7))[..., None] >> 8


def _turned(
    item: Item, side: float, size: int, random: np.random.RandomState
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Shade and coverage of the item, sampled bilinearly in whole numbers after it was turned and scaled."""
    area = max(1, int((item.coverage >= 128).sum()))
    height, width = item.coverage.shape
    # Hardly longer than the image: a thin item never gets the area of a wide one.
    scale = min(side / np.sqrt(area), _LONGEST * size / max(height, width))
    angle = random.uniform(-_LARGEST_TURN, _LARGEST_TURN)
    length = int(np.ceil(scale * np.hypot(height, width))) + 2
    cosine, sine = (np.int32(round(2**_PLACE_BITS * part / scale)) for part in (np.cos(angle), np.sin(angle)))
    # Twice the distance from the middle, so that it is a whole number.
    offset = 2 * np.arange(length, dtype=np.int32) - length + 1
    x = ((cosine * offset + sine * offset[:, None]) >> 1) + (((width - 1) << _PLACE_BITS) >> 1)
    y = ((cosine * offset[:, None] - sine * offset) >> 1) + (((height - 1) << _PLACE_BITS) >> 1)
    column, row = x >> _PLACE_BITS, y >> _PLACE_BITS
    inside = (column >= 0) & (column < width - 1) & (row >= 0) & (row < height - 1)
    within = np.flatnonzero(inside)
    first = (row * width + column).ravel()[within]
    fraction = (1 << _PLACE_BITS) - 1
    right, down = ((part.ravel()[within] & fraction) >> (_PLACE_BITS - _WEIGHT_BITS) for part in (x, y))
    sampled = []
    for values in (item.shade.ravel(), item.coverage.ravel()):
        corners = (values[first + step] for step in (0, 1, width, width + 1))
        top_left, top_right, low_left, low_right = corners
        above = (top_left << _WEIGHT_BITS) + (top_right - top_left) * right
        below = (low_left << _WEIGHT_BITS) + (low_right - low_left) * right
        image = np.zeros((length, length), dtype=np.int32)
        image.ravel()[within] = ((above << _WEIGHT_BITS) + (below - above) * down) >> (2 * _WEIGHT_BITS)
        sampled.append(image)
    return sampled[0], sampled[1]


def _piece(coverage: NDArray[np.int32], random: np.random.RandomState) -> NDArray[np.int32]:
    """The coverage within a rectangle, and none around it."""
    inside = []
    for axis in (1, 0):
        occupied = np.flatnonzero((coverage >= 128).any(axis))
        low, high = (int(occupied[0]), int(occupied[-1]) + 1) if len(occupied) else (0, 1)
        length = max(2, round((high - low) * random.uniform(*_FRAGMENT_PARTS)))
        start = random.randint(low, max(low + 1, high - length + 1))
        position = np.arange(len(coverage))
        inside.append((position >= start) & (position < start + length))
    kept: NDArray[np.int32] = coverage * (inside[0][:, None] & inside[1])
    return kept


def _trimmed(shade: NDArray[np.int32], coverage: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Both without the empty rows and columns around the item."""
    spans = []
    for axis in (1, 0):
        occupied = np.flatnonzero((coverage > 0).any(axis))
        spans.append(slice(int(occupied[0]), int(occupied[-1]) + 1) if len(occupied) else slice(0, 1))
    return shade[spans[0], spans[1]], coverage[spans[0], spans[1]]


def _tinted(shade: NDArray[np.int32], random: np.random.RandomState) -> NDArray[np.int32]:
    """The shade in a colour, brighter towards one side."""
    colour = random.randint(70, 256, size=3).astype(np.int32)
    dark = random.randint(3)
    colour[dark] = colour[dark] * random.randint(10, 90) // 100
    if random.randint(3) == 0:
        colour //= 2
    height, width = shade.shape
    down, right = random.randint(-50, 51, size=2)
    row, column = (np.arange(length, dtype=np.int32) for length in (height, width))
    light = 256 + (down * row // height)[:, None] + right * column // width
    tinted: NDArray[np.int32] = colour * (((90 + ((shade * 165) >> 8)) * light) >> 8)[..., None] >> 8
    return tinted.astype(np.int32)


def _moved(whole: Patch, size: int, random: np.random.RandomState) -> Patch:
    """The patch at a random place, cut off at the image's border."""
    spans, cuts = [], []
    for length in whole.coverage.shape:
        beyond = int(_BEYOND * length)
        low, high = -beyond, size - length + beyond
        start = random.randint(min(low, high), max(low, high) + 1)
        spans.append(slice(max(0, start), min(size, start + length)))
        cuts.append(slice(spans[-1].start - start, spans[-1].stop - start))
    return replace(
        whole,
        rows=spans[0],
        columns=spans[1],
        colours=whole.colours[cuts[0], cuts[1]],
        coverage=whole.coverage[cuts[0], cuts[1]],
    )
