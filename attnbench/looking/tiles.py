"""What the sheets of pictures are made of: images, headings, and what classifiers are called."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from attnbench.looking.images import Images
from attnbench.looking.look import Look
from attnbench.printable import printable
from attnbench.visualize import fitting_scale
from attnbench.visualize.boxes import resized
from attnbench.visualize.captions import RGB, font_of_size

INK: RGB = (20, 20, 20)
"""Colour of text."""

_STRIP, _FONT = 18, 13


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Images as one sheet draws them."""

    images: Images
    """The images."""
    least: int
    """Pixels that the longer side of an image should at least have."""
    most: int
    """Pixels that it may have at most."""

    @property
    def scale(self) -> float:
        """How much larger an image is drawn."""
        return fitting_scale(*self.images.pixels.shape[1:3], least=self.least, most=self.most)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of an image as it is drawn."""
        return self.image(0).size

    def image(self, number: int) -> Image.Image:
        """An image as it is."""
        return resized(self.images.pixels[number], self.scale)

    def heading(self, number: int, look: Look) -> str:
        """What an image is called, with its class where it is known."""
        name, labels = printable(self.images.names[number]), self.images.labels
        return name if labels is None else f"{name}: {class_name(look, int(labels[number]))}"


def with_line(words: str, picture: Image.Image, colour: RGB = INK) -> Image.Image:
    """A picture with a line above it.

    Args:
        words: The line; an empty one leaves the room.
        picture: The picture.
        colour: Of the words.
    """
    font = font_of_size(_FONT)
    width = max(picture.width, int(font.getlength(words)) + 1)
    headed = Image.new("RGB", (width, picture.height + _STRIP), (255, 255, 255))
    ImageDraw.Draw(headed).text((0, _STRIP // 2), words, colour, font=font, anchor="lm")
    headed.paste(picture, (0, _STRIP))
    return headed


def class_name(look: Look, label: int) -> str:
    """What a class is called."""
    names = look.weights.description.class_names
    return printable(names[label]) if label < len(names) else f"class {label}"


def identity(look: Look) -> str:
    """Which weights a classifier has."""
    spec, weights = look.spec, look.weights
    known_as = "" if look.name == spec.attention else f"{look.name}: "
    return f"{known_as}{spec.attention}, seed {spec.seed}, {weights.file.name}, SHA-256 {weights.sha256[:12]}…"
