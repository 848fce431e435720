"""Pictures of what classifiers do with images: a sheet of maps of each, and all of them side by side."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from attnbench.looking.images import Images
from attnbench.looking.look import Look, stands_for_convolution
from attnbench.pictures import Album, Line, Picture
from attnbench.printable import printable
from attnbench.visualize import fitting_scale
from attnbench.visualize.captions import RGB, font_of_size
from attnbench.visualize.maps import View
from attnbench.visualize.overlay import Colours, bars, colour_bar, overlaid
from attnbench.visualize.sheet import Row, grid_sheet

MAKER = "attnbench visualize"
"""What a picture's file says of its origin."""
COMPARED = "compare.png"
"""File of the classifiers side by side."""

_LEAST_SIDE, _MOST_SIDE = 120, 200
_STRIP, _BAR = 18, 60
_INK, _RIGHT, _WRONG = (20, 20, 20), (0, 110, 60), (190, 40, 20)
_HEAT_COLOURS: Colours = "inferno"


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Pictures, and what they show."""

    album: Album
    """What each shows."""
    files: dict[str, bytes]
    """The PNG of each by its name."""


def maps_name(name: str) -> str:
    """File of a classifier's maps.

    >>> maps_name("ge:extent=8,parametric=false")
    'ge_extent_8_parametric_false-maps.png'
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)}-maps.png"


def draw_looks(looks: Sequence[Look], images: Images) -> Drawn:
    """Draw what classifiers do with images.

    Args:
        looks: What each does, at least one; all with the same images.
        images: The images.
    """
    drawn = [_compared(looks, images), *(_maps(look, images) for look in looks if look.views)]
    spec = looks[0].spec
    title = f"{_listed([look.name for look in looks])} in {spec.backbone} on {spec.data}"
    album = Album(
        title=f"What {title} looks at" if len(looks) == 1 else f"What {title} look at",
        conditions=(f"Images: {images.source}.", *map(_identity, looks)),
        pictures=tuple(picture for picture, _ in drawn),
    )
    return Drawn(album=album, files={picture.file: _png(sheet) for picture, sheet in drawn})


def _compared(looks: Sequence[Look], images: Images) -> tuple[Picture, Image.Image]:
    strengths = [look.strength for look in looks if look.strength is not None]
    low = min((float(values.min()) for values in strengths), default=0.0)
    high = max((float(values.max()) for values in strengths), default=1.0)
    columns = ["image"]
    scales: list[Image.Image | None] = [None]
    for look in looks:
        columns.append(f"{look.name}: Grad-CAM")
        scales.append(colour_bar(0, 1, colours=_HEAT_COLOURS, width=_side(images)[1]))
        if look.strength is not None:
            columns.append(f"{look.name}: strength of {look.last_module}")
            scales.append(colour_bar(low, high, width=_side(images)[1]))
    rows = [
        Row(heading=_heading(images, looks, number), pictures=_compared_row(looks, images, number, low, high))
        for number in range(len(images.names))
    ]
    whose = "the true class" if images.labels is not None else "the class that the model predicts"
    caption = (
        f"Grad-CAM for {whose}, at the output of {_layers(looks)}: where its features speak for the class; colours "
        "from 0 to each map's own maximum, which differ, so that only the place compares. "
    )
    if strengths:
        caption += (
            "Strength: what the last attention module leaves of each position, the sum over channels of |output| by "
            f"that of |input|; colours from {low:.3g} to {high:.3g}, the same for all. "
        )
    caption += "Above each Grad-CAM the predicted class with its probability" + (
        ", green where it is right and red where it is wrong." if images.labels is not None else "."
    )
    caption += _without_strength(looks)
    title = "Side by side" if len(looks) > 1 else "Grad-CAM"
    sheet = grid_sheet(title, columns, [*rows, Row(heading="colours", pictures=scales)], caption=printable(caption))
    return Picture(file=COMPARED, title=title, caption=caption), sheet


def _compared_row(
    looks: Sequence[Look], images: Images, number: int, low: float, high: float
) -> list[Image.Image | None]:
    pixels = images.pixels[number]
    scale = _scale(images)
    row: list[Image.Image | None] = [_under("", _plain(images, number))]
    for look in looks:
        heat = look.heat[number]
        picture = overlaid(pixels, heat, low=0, high=float(heat.max()) or 1.0, colours=_HEAT_COLOURS, scale=scale)
        label = int(look.predicted[number])
        words = f"{_class(look, label)} {look.probability[number]:.2f}"
        colour = _INK
        if images.labels is not None:
            colour = _RIGHT if label == images.labels[number] else _WRONG
            words += ", right" if label == images.labels[number] else ", wrong"
        row.append(_under(words, picture, colour))
        if look.strength is not None:
            row.append(_under("", overlaid(pixels, look.strength[number], low=low, high=high, scale=scale)))
    return row


def _maps(look: Look, images: Images) -> tuple[Picture, Image.Image]:
    numbers = range(len(images.names))
    rows = [Row(heading="image", pictures=[*(_plain(images, number) for number in numbers), None])]
    lines = []
    for module, shown in look.views.items():
        for view in shown:
            name = f"{module} {view.name}"
            rows.append(Row(heading=name, pictures=[*(_tile(view, images, number) for number in numbers), _key(view)]))
            lines.append(Line(name=name, caption=view.caption))
    title = f"{look.name}: attention maps"
    caption = (
        f"The last attention module of each stage of {look.name}: {', '.join(look.views)}. Maps lie over the image; "
        "the last column has the colours of each row with their limits, the same for all images of the row."
    )
    columns = [_heading(images, [look], number) for number in numbers]
    sheet = grid_sheet(printable(f"{title}, {_identity(look)}"), [*columns, ""], rows, caption=printable(caption))
    return Picture(file=maps_name(look.name), title=title, caption=caption, lines=tuple(lines)), sheet


def _tile(view: View, images: Images, number: int) -> Image.Image:
    if view.kind == "map":
        pixels, values = images.pixels[number], view.values[number]
        return overlaid(pixels, values, low=view.low, high=view.high, scale=_scale(images))
    height, width = _side(images)
    return bars(view.values[number], low=view.low, high=view.high, width=width, height=min(height, _BAR))


def _key(view: View) -> Image.Image:
    if view.kind == "map":
        return colour_bar(view.low, view.high, width=100)
    picture = Image.new("RGB", (100, _STRIP), (255, 255, 255))
    ImageDraw.Draw(picture).text((0, 2), f"{view.low:.3g} to {view.high:.3g}", _INK, font=font_of_size(12))
    return picture


def _under(words: str, picture: Image.Image, colour: RGB = _INK) -> Image.Image:
    """A picture with a line above it, or the same room."""
    font = font_of_size(13)
    width = max(picture.width, int(font.getlength(words)) + 1)
    headed = Image.new("RGB", (width, picture.height + _STRIP), (255, 255, 255))
    ImageDraw.Draw(headed).text((0, _STRIP // 2), words, colour, font=font, anchor="lm")
    headed.paste(picture, (0, _STRIP))
    return headed


def _plain(images: Images, number: int) -> Image.Image:
    height, width = _side(images)
    scale = _scale(images)
    resample = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    return Image.fromarray(images.pixels[number]).resize((width, height), resample)


def _scale(images: Images) -> float:
    return fitting_scale(*images.pixels.shape[1:3], least=_LEAST_SIDE, most=_MOST_SIDE)


def _side(images: Images) -> tuple[int, int]:
    """Height and width of an image as it is drawn."""
    height, width = images.pixels.shape[1:3]
    return round(height * _scale(images)), round(width * _scale(images))


def _heading(images: Images, looks: Sequence[Look], number: int) -> str:
    name = printable(images.names[number])
    return name if images.labels is None else f"{name}: {_class(looks[0], int(images.labels[number]))}"


def _class(look: Look, label: int) -> str:
    names = look.weights.description.class_names
    return printable(names[label]) if label < len(names) else f"class {label}"


def _identity(look: Look) -> str:
    """Which weights a classifier has."""
    spec, weights = look.spec, look.weights
    return f"{look.name}: {spec.attention}, seed {spec.seed}, {weights.file.name}, SHA-256 {weights.sha256[:12]}…"


def _layers(looks: Sequence[Look]) -> str:
    return _listed(list(dict.fromkeys(look.heat_layer for look in looks)))


def _without_strength(looks: Sequence[Look]) -> str:
    replaced = [look.name for look in looks if stands_for_convolution(look.spec)]
    if not replaced:
        return ""
    return (
        f" There is no strength of {_listed(replaced)}: the module stands in a convolution's place, so that its output "
        "is not its input re-weighted."
    )


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _png(picture: Image.Image) -> bytes:
    content, info = io.BytesIO(), PngInfo()
    info.add_text("Software", MAKER)
    picture.save(content, format="PNG", pnginfo=info, optimize=True)
    return content.getvalue()
