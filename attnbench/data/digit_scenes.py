"""Draws cluttered digits: one whole digit among fragments of others, and noise.

After the cluttered translated MNIST of "Recurrent Models of Visual Attention"
(https://arxiv.org/abs/1406.6247), drawn here from scikit-learn's 8×8 digits.
An image is clip(255 · max(digit, Σ fragments) + noise), where each part is scaled
bilinearly and lies at a random, fractional place: the digit wholly inside, a
fragment anywhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

VERSION = 1
"""Version of the drawing: raise it with every change of what is drawn."""

CELL = 8
"""Height and width of a source digit, pixels."""
SCALES = (2.0, 2.5)
"""Least and greatest size of a drawn pixel of the source."""
MIN_SIZE = 24
"""Least height and width of an image that leaves a digit room to move."""

_LEVELS = 16
# Fragments are dimmer than the object, so that a person can tell it.
_FRAGMENT_BRIGHTNESS = 0.5
_FRAGMENT = (3, 4)
_STEPS = 256
_CHUNK = 1000
# About half of a stroke's brightness, so that the mask has the stroke's width.
_MASK_LEVEL = 0.4


@dataclass(frozen=True)
class Scenes:
    """Drawn images, and where the digit is in each."""

    pixels: NDArray[np.uint8]
    """Grey levels (num_images, 1, size, size)."""
    labels: NDArray[np.int64]
    """Digits (num_images,)."""
    sources: NDArray[np.int64]
    """Index of the source digit of each image (num_images,)."""
    boxes: NDArray[np.int64]
    """x0, y0, x1, y1 of the mask's bounding box, x1 and y1 exclusive, pixels (num_images, 4)."""
    masks: NDArray[np.bool_]
    """Pixels of the digit (num_images, size, size)."""


def draw_scenes(
    digits: NDArray[np.float32],
    labels: NDArray[np.int64],
    *,
    num_images: int,
    size: int,
    clutter: int,
    noise: float,
    seed: tuple[int, ...],
) -> Scenes:
    """Draw images; each source digit is the object of as many as any other, to within one.

    Args:
        digits: Source digits, levels 0 to 16 (num_digits, 8, 8).
        labels: Their classes (num_digits,).
        num_images: Images to draw.
        size: Height and width of an image, pixels.
        clutter: Fragments an image.
        noise: Standard deviation of the noise, grey levels of 255.
        seed: Names the draw.
    """
    # RandomState, since numpy promises that its stream never changes.
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    sources = random.permutation(np.resize(random.permutation(len(digits)), num_images)).astype(np.int64)
    pixels = np.empty((num_images, 1, size, size), dtype=np.uint8)
    masks = np.empty((num_images, size, size), dtype=np.bool_)
    for chunk in _chunks(num_images):
        drawn = _placed(digits[sources[chunk], None], size, random, margin=0)
        fragments = _placed(_fragments(digits, sources[chunk], clutter, random), size, random, margin=CELL // 2)
        grey = 255 * np.maximum(drawn, _FRAGMENT_BRIGHTNESS * fragments) + noise * random.standard_normal(drawn.shape)
        pixels[chunk, 0] = np.rint(np.clip(grey, 0, 255))
        masks[chunk] = drawn > _MASK_LEVEL
    return Scenes(pixels, labels[sources], sources, boxes_of(masks), masks)


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Bounding boxes of masks that are not empty.

    Args:
        masks: Masks (num_images, H, W).

    Returns:
        x0, y0, x1, y1 with x1 and y1 exclusive, pixels (num_images, 4).
    """
    sides = []
    for axis in (1, 2):
        occupied: NDArray[np.bool_] = np.any(masks, axis=axis)
        length = occupied.shape[1]
        sides.append((occupied.argmax(1), length - occupied[:, ::-1].argmax(1)))
    (x0, x1), (y0, y1) = sides
    return np.stack([x0, y0, x1, y1], axis=1).astype(np.int64)


def _chunks(number: int) -> Iterator[slice]:
    # Pieces keep the intermediate arrays in the processor's cache.
    return (slice(start, min(start + _CHUNK, number)) for start in range(0, number, _CHUNK))


def _fragments(
    digits: NDArray[np.float32], objects: NDArray[np.int64], number: int, random: np.random.RandomState
) -> NDArray[np.float32]:
    """Rectangles cut from digits other than the image's own: (N, number, 8, 8), zero outside the rectangle."""
    shape = (len(objects), number)
    others = np.asarray(random.randint(len(digits) - 1, size=shape))
    others += others >= objects[:, None]
    inside = []
    for _ in range(2):
        length = random.randint(_FRAGMENT[0], _FRAGMENT[1] + 1, size=shape)
        # From the digit's middle: its outermost pixels are empty.
        start = random.randint(1, CELL - length, size=shape)
        pixel = np.arange(CELL)
        inside.append((pixel >= start[..., None]) & (pixel < (start + length)[..., None]))
    cut: NDArray[np.float32] = digits[others] * (inside[0][..., :, None] & inside[1][..., None, :])
    return cut


def _placed(
    cells: NDArray[np.float32], size: int, random: np.random.RandomState, *, margin: int
) -> NDArray[np.float32]:
    """Scale cells bilinearly, place each at random and add them up.

    Args:
        cells: Levels 0 to 16, K cells an image (N, K, 8, 8).
        size: Height and width of the image.
        random: Draws scale and place.
        margin: Pixels that a cell may reach beyond the image.

    Returns:
        Brightness, 1 for level 16 (N, size, size).
    """
    num_images, num_cells = cells.shape[:2]
    scale = random.uniform(*SCALES, size=(num_images, num_cells))
    room = size + 2 * margin - CELL * scale
    rows, columns = (_bilinear(scale, random.uniform(size=scale.shape) * room - margin, size) for _ in range(2))
    stretched = np.matmul(cells, columns)
    # Cells side by side in one product: it adds them up as well.
    left = rows.transpose(0, 3, 1, 2).reshape(num_images, size, num_cells * CELL)
    summed = np.matmul(left, stretched.reshape(num_images, num_cells * CELL, size))
    brightness: NDArray[np.float32] = np.divide(summed, _LEVELS * _STEPS**2, dtype=np.float32)
    return brightness


def _bilinear(scale: NDArray[np.float64], start: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """What each of 8 source pixels gives to each of `size` pixels along an axis: (N, K, 8, size)."""
    position = (np.arange(size) + 0.5 - start[..., None]) / scale[..., None] - 0.5
    weight = np.maximum(0, 1 - np.abs(position[..., None, :] - np.arange(CELL)[:, None]))
    # As whole numbers, every sum of the products is exact in float32: the images do not depend on the machine's BLAS.
    whole: NDArray[np.float32] = np.rint(_STEPS * weight).astype(np.float32)
    return whole
