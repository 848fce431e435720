"""All pictures of what classifiers do with images."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from attnbench.looking.class_plot import draw_class_weights
from attnbench.looking.compared import COMPARED, draw_compared
from attnbench.looking.images import Images
from attnbench.looking.look import Look
from attnbench.looking.maps_sheet import draw_maps
from attnbench.looking.statistics import draw_statistics
from attnbench.looking.tiles import identity
from attnbench.pictures import Album, Picture
from attnbench.report.numbers import listed

MAKER = "attnbench visualize"
"""What a picture's file says of its origin."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """Pictures, and what they show."""

    album: Album
    """What each shows."""
    files: dict[str, bytes]
    """The PNG of each by its name."""


def picture_names(name: str) -> tuple[str, str, str]:
    """Files of a classifier's maps, of its channel weights by class, and of its statistics.

    >>> picture_names("ge:extent=8")
    ('ge_extent_8-maps.png', 'ge_extent_8-classes.png', 'ge_extent_8-statistics.png')
    """
    stem = re.sub(r"[^A-Za-z0-9.-]+", "_", name)
    return f"{stem}-maps.png", f"{stem}-classes.png", f"{stem}-statistics.png"


def all_picture_names(names: Sequence[str]) -> list[str]:
    """Files of all pictures that classifiers may get.

    Args:
        names: What they are called.
    """
    return [COMPARED, *(file for name in names for file in picture_names(name))]


def draw_looks(looks: Sequence[Look], images: Images, class_images: Images | None = None) -> Drawn:
    """Draw what classifiers do with images.

    Args:
        looks: What each does, at least one; all with the same images.
        images: The images.
        class_images: Those over which channel weights are means; none where their classes are not known.
    """
    compared, sheet = draw_compared(looks, images)
    pictures: list[tuple[Picture, bytes]] = [(compared, _png(sheet))]
    for look in looks:
        maps_file, classes_file, statistics_file = picture_names(look.name)
        if look.views:
            picture, sheet = draw_maps(look, images, file=maps_file)
            pictures.append((picture, _png(sheet)))
        if look.class_weights and class_images is not None:
            pictures.append(draw_class_weights(look, class_images, file=classes_file, maker=MAKER))
        if look.statistics:
            pictures.append(draw_statistics(look, file=statistics_file, maker=MAKER))
    spec = looks[0].spec
    album = Album(
        title=f"What {listed([look.name for look in looks])} in {spec.backbone} on {spec.data} look"
        f"{'s' if len(looks) == 1 else ''} at",
        conditions=(f"Images: {images.source}.", *map(identity, looks)),
        pictures=tuple(picture for picture, _ in pictures),
    )
    return Drawn(album=album, files={picture.file: content for picture, content in pictures})


def _png(picture: Image.Image) -> bytes:
    content, info = io.BytesIO(), PngInfo()
    info.add_text("Software", MAKER)
    picture.save(content, format="PNG", pnginfo=info, optimize=True)
    return content.getvalue()
