"""Boxes, masks and captions on an image."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from attnbench.visualize.captions import RGB, Rectangle, draw_caption

Span: TypeAlias = tuple[int, int, int, int]
"""First column and row, last column and row of a filled rectangle."""

_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)
_COLOURS: tuple[RGB, ...] = (
    (255, 69, 58), (48, 209, 88), (255, 214, 10), (64, 156, 255), (218, 112, 255),
    (255, 149, 0), (100, 230, 255), (255, 105, 180), (190, 150, 110), (182, 240, 0),
)  # fmt: skip
_TINT = 0.4


@dataclass(frozen=True, kw_only=True)
class Mark:
    """An object to draw."""

    box: tuple[float, float, float, float]
    """x0, y0, x1, y1 in the image's pixels."""
    caption: str = ""
    """One line at the box."""
    colour: RGB = _WHITE
    """Of the box, the caption and the mask."""
    mask: NDArray[np.bool_] | None = None
    """Where the object is (H, W)."""
    dashed: bool = False
    """Whether the box is dashed, as a true one is beside those of a detector."""


def class_colour(label: int) -> RGB:
    """The colour of a class; from the eleventh class on they come again.

    Args:
        label: The class, from 1 on.
    """
    return _COLOURS[(label - 1) % len(_COLOURS)]


def fitting_scale(height: int, width: int, *, least: int, most: int | None = None) -> float:
    """By how much an image is enlarged to be seen, a whole number, or shrunk to fit.

    Args:
        height: Of the image, pixels.
        width: Of the image, pixels.
        least: Pixels that the longer side should at least have; below twice as many where it is enlarged.
        most: Pixels that the longer side may have at most; none for any.

    >>> fitting_scale(192, 192, least=640)
    4
    >>> fitting_scale(3000, 4000, least=640, most=1000)
    0.25
    """
    longer = max(height, width)
    if most is not None and longer > most:
        return most / longer
    return max(1, math.ceil(least / longer))


def resized(pixels: NDArray[np.uint8], scale: float) -> Image.Image:
    """An image as a picture; an enlarged one shows its pixels as squares.

    Args:
        pixels: RGB (H, W, 3).
        scale: How much larger the picture is than the image.
    """
    height, width = pixels.shape[:2]
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS)


def draw_marks(pixels: NDArray[np.uint8], marks: Sequence[Mark], *, scale: float = 1) -> Image.Image:
    """Draw objects on an image; the first ones lie on top.

    Boxes have a dark rim, so that they stand out from any background. An enlarged image shows its pixels as squares.

    Args:
        pixels: RGB (H, W, 3).
        marks: The objects.
        scale: How much larger the picture is than the image.
    """
    picture = resized(pixels, scale)
    size = picture.size
    line = max(2, max(size) // 300)
    for mark in reversed(marks):
        if mark.mask is not None:
            picture = _tinted(picture, mark.mask, mark.colour)
    boxes = [_scaled(mark.box, scale, size) for mark in marks]
    for mark, box in reversed(list(zip(marks, boxes, strict=True))):
        _draw_box(ImageDraw.Draw(picture), box, mark, line)
    taken: list[Rectangle] = []
    for mark, box in zip(marks, boxes, strict=True):
        draw_caption(picture, mark.caption, box, colour=mark.colour, size=max(12, max(size) // 48), taken=taken)
    return picture


def _scaled(box: tuple[float, float, float, float], scale: float, size: tuple[int, int]) -> Rectangle:
    """The pixels of a box in the picture: inside it, and at least one."""
    left, top, right, bottom = (round(edge * scale) for edge in box)
    left, top = max(0, min(left, size[0] - 1)), max(0, min(top, size[1] - 1))
    return Rectangle(left, top, max(left + 1, min(right, size[0])), max(top + 1, min(bottom, size[1])))


def _tinted(picture: Image.Image, mask: NDArray[np.bool_], colour: RGB) -> Image.Image:
    """The picture with the mask's inside tinted and its border drawn."""
    inside = np.asarray(Image.fromarray(mask).resize(picture.size, Image.Resampling.NEAREST))
    padded = np.pad(inside, 1)
    border = inside & ~(padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:])
    pixels = np.array(picture)
    pixels[inside] = np.round((1 - _TINT) * pixels[inside] + _TINT * np.array(colour)).astype(np.uint8)
    pixels[border] = colour
    return Image.fromarray(pixels)


def _draw_box(draw: ImageDraw.ImageDraw, box: Rectangle, mark: Mark, line: int) -> None:
    rim = Rectangle(box.left - 1, box.top - 1, box.right + 1, box.bottom + 1)
    for edge in _edges(rim, line + 2):
        draw.rectangle(edge, fill=_BLACK)
    for edge in _edges(box, line):
        for piece in _dashes(edge, 3 * line) if mark.dashed else [edge]:
            draw.rectangle(piece, fill=mark.colour)


def _edges(box: Rectangle, line: int) -> list[Span]:
    """The edges of a box; they never leave it, which those of Pillow's own rectangles do."""
    left, top, right, bottom = box.left, box.top, box.right - 1, box.bottom - 1
    return [
        (left, top, right, min(top + line - 1, bottom)),
        (left, max(bottom - line + 1, top), right, bottom),
        (left, top, min(left + line - 1, right), bottom),
        (max(right - line + 1, left), top, right, bottom),
    ]


def _dashes(edge: Span, length: int) -> list[Span]:
    """Every other piece of an edge."""
    left, top, right, bottom = edge
    if right - left >= bottom - top:
        return [(start, top, min(start + length - 1, right), bottom) for start in range(left, right + 1, 2 * length)]
    return [(left, start, right, min(start + length - 1, bottom)) for start in range(top, bottom + 1, 2 * length)]
