"""The axes of a plot of accuracy against cost: where they end, and whether they are logarithmic."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnbench.report.front import ParetoPoint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOGARITHMIC = 8.0
"""Largest cost over smallest from which costs stand on a logarithmic axis."""
_MOST_BAR = 1.5
"""How far bars may widen the vertical axis beyond the points, in parts of what the points span."""


def accuracy_limits(points: Sequence[ParetoPoint]) -> tuple[float, float, bool]:
    """Ends of the vertical axis, and whether bars go on beyond it.

    Few seeds give bars so long that the points beside them would fall into one.
    """
    means = [point.percent.mean for point in points]
    widths = [point.percent.half_width or 0.0 for point in points]
    low = min(mean - width for mean, width in zip(means, widths, strict=True))
    high = max(mean + width for mean, width in zip(means, widths, strict=True))
    span = max(means) - min(means)
    ends = (max(low, min(means) - _MOST_BAR * span), min(high, max(means) + _MOST_BAR * span)) if span else (low, high)
    room = 0.08 * (ends[1] - ends[0]) or 0.5
    return ends[0] - room, ends[1] + room, low < ends[0] - room or high > ends[1] + room


def scale_costs(axes: "Axes", points: Sequence[ParetoPoint], size: float) -> None:
    """Set the horizontal axis to hold all costs and their quartiles, logarithmic where they are far apart."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ends = [end / size for point in points for end in (point.cost, *(point.quartiles or ()))]
    low, high = min(ends), max(ends)
    if low > 0 and high > _LOGARITHMIC * low:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlim(low / (high / low) ** 0.08, high * (high / low) ** 0.08)
    else:
        room = 0.08 * (high - low) or 0.05 * high or 1.0
        axes.set_xlim(low - room, high + room)
