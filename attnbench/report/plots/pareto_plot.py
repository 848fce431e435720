"""A plot of accuracy against cost, as PNG, SVG or PDF. Needs matplotlib, which is imported when it is used."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attnbench.report.front import ParetoPoint, pareto_front
from attnbench.report.plots.figure import framed, save_figure
from attnbench.report.plots.pareto import ParetoPoints
from attnbench.report.plots.pareto_axes import accuracy_limits, scale_costs
from attnbench.report.plots.pareto_marks import draw_front, draw_labels, draw_point, styles_of
from attnbench.report.plots.pareto_notes import ParetoWords, pareto_words
from attnbench.report.plots.variants import VariantStyle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 4.0
"""Of the axes."""


def save_plot(points: ParetoPoints, file: Path) -> None:
    """Draw accuracy against cost into a file, whose suffix says what it becomes; what was there is replaced.

    Points are drawn with the quartiles of their steps and the interval of their accuracy over seeds, those of the
    Pareto front filled and joined by a line. Equal points give equal files.

    Args:
        points: What is drawn.
        file: Where it goes: .png, .svg or .pdf.

    Raises:
        SpecError: If the suffix is another one.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If the file cannot be written.
    """
    save_figure(lambda: draw_plot(points), [file])


def draw_plot(points: ParetoPoints) -> "Figure":
    """The plot as a figure of matplotlib's, in the style that matplotlib is set to."""
    *_, has_cut_bars = accuracy_limits(points.points)
    return draw_pareto(points.points, pareto_words(points, has_cut_bars=has_cut_bars), styles_of(points.points))


def draw_pareto(points: Sequence[ParetoPoint], words: ParetoWords, styles: Sequence[VariantStyle]) -> "Figure":
    """Points of any cost as a figure.

    Args:
        points: What is drawn.
        words: Title, labels and caption, and the unit of the cost.
        styles: How each point is drawn.
    """
    low, high, _ = accuracy_limits(points)
    figure, axes = framed(title=words.title, caption=words.caption, height=_HEIGHT_INCHES)
    axes.set_xlabel(words.cost_label)
    axes.set_ylabel(words.accuracy_label)
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    scale_costs(axes, points, words.unit)
    axes.set_ylim(low, high)
    front = pareto_front(points)
    draw_front(axes, front, words.unit)
    for point, style in zip(points, styles, strict=True):
        draw_point(axes, point, words.unit, style, is_front=point in front)
    draw_labels(figure, axes, points, front, words.unit, [style.colour for style in styles])
    return figure
