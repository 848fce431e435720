"""Average precisions as text, with one decimal, as COCO's tables have them."""

from attnbench.report import numbers
from attnbench.report.detection.figures import FigureDifference
from attnbench.stats.average_precision import PrecisionInterval

STAR, DAGGER = "*", "†"
"""Marks of a difference whose interval excludes 0: over seeds and images, and over the images of one seed."""


def points(percent: float | None) -> str:
    """A figure; a dash where no object is of that area.

    >>> points(42.26), points(None)
    ('42.3', '–')
    """
    return "–" if percent is None else f"{percent:.1f}"


def signed_points(value: float) -> str:
    """A difference of figures.

    >>> signed_points(1.26), signed_points(-0.04)
    ('+1.3', '0.0')
    """
    return numbers.signed_points(value, decimals=1)


def plus_minus(interval: PrecisionInterval | None) -> str:
    """Half the width of an interval; a dash where there is none."""
    return "± –" if interval is None else f"± {(interval.high - interval.low) / 2:.1f}"


def between(interval: PrecisionInterval | None) -> str:
    """The ends of a difference's interval; one that is rounded to 0 keeps its sign."""
    return "[–]" if interval is None else numbers.between(interval.low, interval.high, decimals=1)


def mark(difference: FigureDifference) -> str:
    """What is added to a difference whose interval excludes 0 after the correction."""
    if not difference.excludes_zero:
        return ""
    return STAR if len(difference.seeds) > 1 else DAGGER
