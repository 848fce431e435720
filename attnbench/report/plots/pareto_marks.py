"""What stands between the axes of a plot: the front, the points with their bars, and their labels."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attnbench.report.front import ParetoPoint
from attnbench.report.plots.label_places import place_labels
from attnbench.report.plots.variants import VariantStyle, label_of, variant_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
_RADIUS = 4.5
"""Of the room that a marker needs, in points like all lengths here."""
_NEAR = 9.0
"""Distance from which a line joins a label and its point."""


def draw_front(axes: "Axes", front: Sequence[ParetoPoint], size: float) -> None:
    """A line that goes on as it is until more accuracy is to be had, up to the right edge."""
    costs = [point.cost / size for point in front] + [axes.get_xlim()[1]]
    means = [point.percent.mean for point in front]
    axes.plot(costs, [*means, means[-1]], drawstyle="steps-post", color="#9a9a9a", linewidth=1.1, zorder=2)


def styles_of(points: Sequence[ParetoPoint]) -> list[VariantStyle]:
    """The style of each point."""
    styles = variant_styles({point.variant: point.is_baseline for point in points})
    return [styles[point.variant] for point in points]


def draw_point(axes: "Axes", point: ParetoPoint, size: float, style: VariantStyle, *, is_front: bool) -> None:
    """A marker with its bars, filled on the front."""
    cost, mean, half_width = point.cost / size, point.percent.mean, point.percent.half_width
    lower, upper = point.quartiles or (point.cost, point.cost)
    axes.errorbar(
        cost,
        mean,
        xerr=[[cost - lower / size], [upper / size - cost]] if point.quartiles else None,
        yerr=half_width,
        fmt="none",
        ecolor=style.colour,
        elinewidth=0.9,
        capsize=2.0,
        alpha=0.55,
        zorder=3,
    )
    axes.plot(
        cost,
        mean,
        marker=style.shape,
        markersize=9.5 if point.is_baseline else 6.5,
        markerfacecolor=style.colour if is_front else "#ffffff",
        markeredgecolor=style.colour,
        markeredgewidth=1.2,
        zorder=5,
    )


def draw_labels(
    figure: "Figure",
    axes: "Axes",
    points: Sequence[ParetoPoint],
    front: Sequence[ParetoPoint],
    size: float,
    colours: Sequence[str],
) -> None:
    """A label beside each point, joined to it where it could be taken for another's."""
    from matplotlib.patheffects import withStroke

    to_points = 72 / figure.dpi
    data = [(point.cost / size, point.percent.mean) for point in points]
    anchors = axes.transData.transform(data) * to_points
    sizes = [_size(figure, point, to_points) for point in points]
    (x0, y0), (x1, y1) = axes.bbox.get_points() * to_points
    centres = place_labels(
        [(float(x), float(y)) for x, y in anchors],
        sizes,
        line_height=1.15 * _LABEL_SIZE,
        radius=_RADIUS,
        bounds=(float(x0), float(y0), float(x1), float(y1)),
        lines=_lines(axes, points, front, size, to_points),
    )
    for index, (point, anchor, centre) in enumerate(zip(points, anchors, centres, strict=True)):
        axes.annotate(
            _label(point),
            data[index],
            textcoords="offset points",
            xytext=centre - anchor,
            ha="center",
            va="center",
            color="#1a1a1a",
            path_effects=[withStroke(linewidth=2.2, foreground="#ffffff")],
            zorder=6,
            arrowprops=leader(index, anchors, centre, sizes[index], colours[index]),
            **_font(point),
        )


def _font(point: ParetoPoint) -> dict[str, Any]:
    return {"size": _LABEL_SIZE, "weight": "bold" if point.is_baseline else "normal"}


def _size(figure: "Figure", point: ParetoPoint, to_points: float) -> tuple[float, float]:
    """Width and height of a label, with a little room."""
    text = figure.text(0, 0, _label(point), **_font(point))
    extent = text.get_window_extent(figure.canvas.get_renderer())
    text.remove()
    return extent.width * to_points + 2, extent.height * to_points + 1


def leader(
    index: int, anchors: NDArray[np.float64], centre: tuple[float, float], size: tuple[float, float], colour: str
) -> dict[str, Any] | None:
    """The line from a label to its point, where it is far away or as near to another one; else none."""
    offsets = np.clip(anchors - centre, -np.array(size) / 2, np.array(size) / 2)
    away = np.hypot(*(anchors - centre - offsets).T)
    if away[index] <= _NEAR and not (np.delete(away, index) < 1.6 * away[index] + 1).any():
        return None
    return {
        "arrowstyle": "-",
        "color": colour,
        "linewidth": 0.7,
        "relpos": tuple(offsets[index] / size + 0.5),
        "shrinkA": 0,
        "shrinkB": _RADIUS - 1,
    }


def _lines(
    axes: "Axes", points: Sequence[ParetoPoint], front: Sequence[ParetoPoint], size: float, to_points: float
) -> list[tuple[float, float, float, float]]:
    """The error bars and the front as rectangles without area to speak of, in points of the figure."""
    segments = []
    for point in points:
        cost, mean, half_width = point.cost, point.percent.mean, point.percent.half_width or 0.0
        lower, upper = point.quartiles or (cost, cost)
        segments += [((lower, mean), (upper, mean)), ((cost, mean - half_width), (cost, mean + half_width))]
    ends = [*front[1:], None]
    for point, after in zip(front, ends, strict=True):
        mean = point.percent.mean
        until = after.cost if after else axes.get_xlim()[1] * size
        segments.append(((point.cost, mean), (until, mean)))
        if after:
            segments.append(((after.cost, mean), (after.cost, after.percent.mean)))
    rectangles = []
    for start, end in segments:
        (x0, y0), (x1, y1) = axes.transData.transform([(x / size, y) for x, y in (start, end)]) * to_points
        rectangles.append((float(x0) - 0.5, float(y0) - 0.5, float(x1) + 0.5, float(y1) + 0.5))
    return rectangles


def _label(point: ParetoPoint) -> str:
    return label_of(point.variant, is_baseline=point.is_baseline)
