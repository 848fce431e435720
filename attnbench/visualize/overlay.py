"""A map over the image to which it belongs, in perceptually uniform colours, and what the colours mean.

A map is coarser than its image: it is enlarged bilinearly between the centres of its positions, so that a blob on the
picture is no finer than the position it comes from.
"""

import math
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from attnbench.errors import MissingDependencyError, SpecError
from attnbench.visualize.boxes import resized
from attnbench.visualize.captions import font_of_size

Colours: TypeAlias = Literal["viridis", "magma", "inferno", "plasma", "cividis"]
"""Matplotlib's colour maps in which equal steps of the value look equal."""

_INK, _PAPER, _AXIS = (20, 20, 20), (255, 255, 255), (150, 150, 150)
_FONT = 12


def check_colours(colours: str = "viridis") -> None:
    """Refuse to begin what will need matplotlib's colours where there are none.

    Args:
        colours: The colour map.

    Raises:
        SpecError: If there is no such colour map.
        MissingDependencyError: If matplotlib is not installed.
    """
    if colours not in get_args(Colours):
        raise SpecError(f"colours must be one of {', '.join(get_args(Colours))}; got {colours!r}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "pictures of maps need matplotlib, which is not installed: pip install attnbench[visualize]"
        ) from error


def overlaid(
    pixels: NDArray[np.uint8],
    values: NDArray[np.floating],
    *,
    low: float,
    high: float,
    colours: Colours = "viridis",
    opacity: float = 0.6,
    scale: float = 1,
) -> Image.Image:
    """Lay a map over its image.

    Args:
        pixels: RGB (H, W, 3).
        values: The map (h, w), enlarged bilinearly. Nothing lies over the image where it is not a finite number.
        low: The value with the first colour, which all lower ones have too.
        high: The value with the last colour, which all higher ones have too.
        colours: The colour map.
        opacity: Of the colours; at 1 the image is not seen.
        scale: How much larger the picture is than the image, whose pixels it shows as squares.

    Raises:
        SpecError: If there is no such colour map, `high` is below `low` or `opacity` is not in 0 … 1.
        MissingDependencyError: If matplotlib is not installed.
    """
    if not 0 <= opacity <= 1:
        raise SpecError(f"opacity must be in 0 … 1; got {opacity}")
    picture = resized(pixels, scale)
    enlarged = _enlarged(np.asarray(values, np.float32), picture.size)
    shown = np.isfinite(enlarged)
    below = np.asarray(picture, np.float64)
    above = _coloured(np.where(shown, enlarged, low), low, high, colours)
    mixed = np.where(shown[..., None], (1 - opacity) * below + opacity * above, below)
    return Image.fromarray(np.round(mixed).astype(np.uint8))


def colour_bar(
    low: float, high: float, *, colours: Colours = "viridis", width: int = 160, height: int = 12
) -> Image.Image:
    """All colours from the lowest to the highest, with the limits below.

    Args:
        low: The value with the first colour.
        high: The value with the last colour.
        colours: The colour map.
        width: Of the picture, pixels.
        height: Of the colours, pixels.

    Raises:
        SpecError: If there is no such colour map, or `high` is below `low`.
        MissingDependencyError: If matplotlib is not installed.
    """
    strip = _coloured(np.linspace(0, 1, width)[None].repeat(height, 0), 0, 1, colours)
    picture = Image.new("RGB", (width, height + round(1.4 * _FONT)), _PAPER)
    picture.paste(Image.fromarray(np.round(strip).astype(np.uint8)), (0, 0))
    _write_limits(picture, low, high, height)
    return picture


def bars(values: NDArray[np.floating], *, low: float, high: float, width: int = 160, height: int = 120) -> Image.Image:
    """A bar for each value, from 0, beside one another; where there are more values than pixels, means of neighbours.

    Args:
        values: (K,); a value that is not a finite number has no bar.
        low: The lower edge; at most 0.
        high: The upper edge; not below 0.
        width: Of the picture, pixels.
        height: Of the picture, pixels.
    """
    picture = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    span = (high - low) or 1.0
    zero = round((height - 1) * high / span)
    draw.line((0, zero, width - 1, zero), _AXIS)
    step = max(1, math.ceil(len(values) / width))
    means = [_finite_mean(values[start : start + step]) for start in range(0, len(values), step)]
    for place, value in enumerate(means):
        if value is None:
            continue
        end = round((height - 1) * (high - min(max(value, low), high)) / span)
        left, right = place * width // len(means), (place + 1) * width // len(means)
        gap = 1 if right - left > 3 else 0
        draw.rectangle((left, min(zero, end), max(left, right - 1 - gap), max(zero, end)), (0, 114, 178))
    return picture


def _finite_mean(values: NDArray[np.floating]) -> float | None:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else None


def _write_limits(picture: Image.Image, low: float, high: float, top: int) -> None:
    draw, font, middle = ImageDraw.Draw(picture), font_of_size(_FONT), top + round(0.7 * _FONT)
    draw.text((0, middle), f"{low:.3g}", _INK, font=font, anchor="lm")
    draw.text((picture.width, middle), f"{high:.3g}", _INK, font=font, anchor="rm")


def _coloured(values: NDArray[np.floating], low: float, high: float, colours: Colours) -> NDArray[np.float64]:
    """Red, green and blue, 0 to 255, of values (…, 3)."""
    check_colours(colours)
    if high < low:
        raise SpecError(f"high must not be below low; got low={low}, high={high}")
    from matplotlib import colormaps

    place = (values - low) / (high - low) if high > low else np.where(values > low, 1.0, 0.0)
    rgb: NDArray[np.float64] = 255 * colormaps[colours](np.clip(place, 0, 1))[..., :3]
    return rgb


def _enlarged(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The map in a picture's size; a pixel is NaN where most of what it is mixed from is."""
    known = np.isfinite(values)

    def grown(array: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BILINEAR))

    weight = grown(known.astype(np.float32))
    mixed = grown(np.where(known, values, np.float32(0)))
    return np.where(weight > 0.5, mixed / np.maximum(weight, 0.5), np.float32(np.nan)).astype(np.float32)
