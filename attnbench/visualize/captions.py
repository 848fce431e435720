"""Captions of boxes: filled, inside the picture, and where there is room not over one another."""

from typing import NamedTuple, TypeAlias

from PIL import Image, ImageDraw, ImageFont

RGB: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

_PADDING = 2
_LIGHT = 140  # luma above which a colour is written on in black


class Rectangle(NamedTuple):
    """Pixels of a picture from the first corner to before the second."""

    left: int
    top: int
    right: int
    bottom: int


def font_of_size(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of captions and headings; Pillow brings it along.

    Args:
        size: Height, pixels.
    """
    return ImageFont.load_default(size)


def draw_caption(
    picture: Image.Image, text: str, box: Rectangle, *, colour: RGB, size: int, taken: list[Rectangle]
) -> None:
    """Write a caption at a box.

    Args:
        picture: Where it is drawn.
        text: One line; an empty one draws nothing.
        box: The box.
        colour: What the caption is filled with.
        size: Height of the font, pixels.
        taken: Where other captions are; this one is added.
    """
    if not text:
        return
    draw, font = ImageDraw.Draw(picture), font_of_size(size)
    left, _, right, _ = draw.textbbox((0, 0), text, font=font)
    # As high as a line, whatever the letters.
    width, height = int(right - left) + 2 * _PADDING, int(size * 1.2) + _PADDING
    place = _place(width, height, box, picture.size, taken)
    taken.append(place)
    draw.rectangle((place.left, place.top, place.right - 1, place.bottom - 1), fill=colour)
    draw.text(
        (place.left + _PADDING - left, (place.top + place.bottom) // 2), text, font=font, anchor="lm",
        fill=(0, 0, 0) if _luma(colour) > _LIGHT else (255, 255, 255),
    )  # fmt: skip


def _place(width: int, height: int, box: Rectangle, size: tuple[int, int], taken: list[Rectangle]) -> Rectangle:
    """The first place at the box that is free: above it, below it, at its upper edge, at its lower edge, else above."""
    tops = (box.top - height, box.bottom, box.top, box.bottom - height)
    lefts = (box.left, box.right - width)
    places = [_inside(left, top, width, height, size) for top in tops for left in lefts]
    return next((place for place in places if not any(_overlap(place, other) for other in taken)), places[0])


def _inside(left: int, top: int, width: int, height: int, size: tuple[int, int]) -> Rectangle:
    left, top = max(0, min(left, size[0] - width)), max(0, min(top, size[1] - height))
    return Rectangle(left, top, left + width, top + height)


def _overlap(one: Rectangle, other: Rectangle) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


def _luma(colour: RGB) -> float:
    red, green, blue = colour
    return 0.299 * red + 0.587 * green + 0.114 * blue
