"""Classifiers side by side on the same images: Grad-CAM, and what the last attention module leaves of each position."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from attnbench.looking.images import Images
from attnbench.looking.look import Look, stands_for_convolution
from attnbench.looking.tiles import INK, Tiles, class_name, identity, with_line
from attnbench.pictures import Picture
from attnbench.printable import printable
from attnbench.report.numbers import listed
from attnbench.visualize import Colours, Row, colour_bar, grid_sheet, overlaid
from attnbench.visualize.maps import PERCENTILES

COMPARED = "compare.png"
"""File of the classifiers side by side."""

_RIGHT, _WRONG = (0, 110, 60), (190, 40, 20)
_HEAT: Colours = "inferno"
_LEAST_SPAN = 0.05
"""Colours of strength span at least so much, lest a module that does the same everywhere looks as if it did not."""

_Limits = Mapping[str, tuple[float, float]]


def draw_compared(looks: Sequence[Look], images: Images) -> tuple[Picture, Image.Image]:
    """Images as rows, and for each classifier its Grad-CAM and its strength as columns.

    Args:
        looks: What each does, at least one.
        images: The images.
    """
    tiles = Tiles(images=images, least=120, most=200)
    limits = {look.name: _limits(look.strength) for look in looks if look.strength is not None}
    columns = ["image"]
    bars: list[Image.Image | None] = [None]
    for look in looks:
        columns.append(f"{look.name}: Grad-CAM")
        bars.append(colour_bar(0, 1, colours=_HEAT, width=tiles.size[0]))
        if look.name in limits:
            columns.append(f"{look.name}: strength of {look.last_module}")
            bars.append(colour_bar(*limits[look.name], width=tiles.size[0]))
    rows = [
        Row(heading=tiles.heading(number, looks[0]), pictures=_row(looks, tiles, number, limits))
        for number in range(len(images.names))
    ]
    spec = looks[0].spec
    title = f"Grad-CAM{' and strength' if limits else ''} of {listed([look.name for look in looks])}"
    caption = _caption(looks, images, limits)
    heading = printable(f"{title} in {spec.backbone}, on {images.source}")
    rows.append(Row(heading="colours", pictures=bars))
    sheet = grid_sheet(heading, columns, rows, caption=printable(caption))
    return Picture(file=COMPARED, title=title, caption=caption), sheet


def _row(looks: Sequence[Look], tiles: Tiles, number: int, limits: _Limits) -> list[Image.Image | None]:
    pixels, labels = tiles.images.pixels[number], tiles.images.labels
    row: list[Image.Image | None] = [with_line("", tiles.image(number))]
    for look in looks:
        heat = look.heat[number]
        picture = overlaid(pixels, heat, low=0, high=float(heat.max()) or 1.0, colours=_HEAT, scale=tiles.scale)
        predicted = int(look.predicted[number])
        words, colour = f"{class_name(look, predicted)} {look.probability[number]:.2f}", INK
        if labels is not None:
            is_right = predicted == labels[number]
            words, colour = f"{words}, {'right' if is_right else 'wrong'}", _RIGHT if is_right else _WRONG
        row.append(with_line(words, picture, colour))
        if look.strength is not None:
            low, high = limits[look.name]
            row.append(with_line("", overlaid(pixels, look.strength[number], low=low, high=high, scale=tiles.scale)))
    return row


def _limits(strength: NDArray[np.float32]) -> tuple[float, float]:
    low, high = (float(limit) for limit in np.percentile(strength, PERCENTILES))
    missing = max(0.0, _LEAST_SPAN - (high - low))
    low = max(0.0, low - missing / 2)
    return low, max(high, low + _LEAST_SPAN)


def _caption(looks: Sequence[Look], images: Images, limits: _Limits) -> str:
    known = images.labels is not None
    whose = "the true class" if known else "the class that the model predicts"
    layers = listed(list(dict.fromkeys(look.heat_layer for look in looks)))
    sentences = [
        f"Grad-CAM for {whose}, at the output of {layers}: "
        "where its features speak for the class; colours from 0 to each map's own maximum, so that the place compares "
        "and the amount does not.",
        "Above it the predicted class with its probability" + (", green if right and red if wrong." if known else "."),
    ]
    if limits:
        of_each = "; ".join(f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in limits.items())
        sentences.append(
            "Strength: what the last attention module leaves of each position, the sum of |output| over channels by "
            "that of |input|. Its colours span the 1st to the 99th percentile, and at least "
            f"{_LEAST_SPAN:g}: {of_each}."
        )
    sentences.append(f"Weights: {'; '.join(map(identity, looks))}.")
    replaced = [look.name for look in looks if stands_for_convolution(look.spec)]
    if replaced:
        sentences.append(
            f"There is no strength of {listed(replaced)}: the module stands in a convolution's place, so that its "
            "output is not its input re-weighted."
        )
    return " ".join(sentences)
