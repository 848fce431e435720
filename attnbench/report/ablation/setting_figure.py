"""The variants of an ablation, a row each: accuracy, and the paired difference to the reference after every seed."""

import itertools
from typing import TYPE_CHECKING

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.ablation.figure_words import BASELINE_COLOUR, COLOUR, figure_caption, marks_above
from attnbench.report.ablation.table import title
from attnbench.report.leaderboard.board import Row
from attnbench.report.leaderboard.cells import mark
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.plotted import accuracy_label, paired_by_seed
from attnbench.report.numbers import half_width, signed_points
from attnbench.report.plots.figure import WIDTH_INCHES, framed, text_sizes
from attnbench.report.plots.variants import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
"""Of the letters, in points like the heights here."""
_LEAST_ROW = 34.0
_ROW_GAP = 8.0
_NUMBERS_INCHES = 0.95
"""Room for the accuracies in numbers, between both panels."""
_RIGHT_INCHES = 0.62
"""Room for the differences in numbers."""
_ABOVE_INCHES = 0.22
"""Room for the baseline's name."""
_SEEDS_BETWEEN = (-0.02, 0.36)
"""Between which heights above the middle the seeds stand, the first one highest, in heights of a row."""
_INTERVAL_AT = 0.24
"""How far below the middle their interval is."""


def draw_setting_figure(ablation: Ablation) -> "Figure":
    """The rows as a figure, in the style that matplotlib is set to."""
    from matplotlib.ticker import MaxNLocator

    rows = list(ablation.rows.values())
    labels = _labels(ablation)
    sizes = text_sizes(labels, size=_LABEL_SIZE)
    heights = [max(_LEAST_ROW, height + _ROW_GAP) for _, height in sizes]
    left = max(width for width, _ in sizes) / 72 + 0.25
    half = (WIDTH_INCHES - left - _NUMBERS_INCHES - _RIGHT_INCHES) / 2
    figure, axes = framed(
        title=title(ablation),
        caption=[*figure_caption(ablation), *_difference_caption(ablation)],
        height=sum(heights) / 72,
        left=left,
        right=WIDTH_INCHES - left - half,
        above=_ABOVE_INCHES,
    )
    differences = _axes_beside(figure, axes, left + half + _NUMBERS_INCHES)
    edges = [sum(heights[:place]) for place in range(len(rows) + 1)]
    centres = [(one + other) / 2 for one, other in itertools.pairwise(edges)]
    for one in (axes, differences):
        # The vertical axis counts points downwards, so that the first is the uppermost.
        one.set_ylim(edges[-1], 0)
        one.grid(visible=True, axis="x")
        one.set_axisbelow(True)
        one.spines["left"].set_visible(False)
        one.tick_params(axis="y", length=0)
        for edge, heavy in zip(edges[1:-1], _begins_block(ablation)[1:], strict=True):
            one.axhline(edge, color="#bbbbbb" if heavy else "#eeeeee", linewidth=0.7, zorder=1)
    axes.set_yticks(centres, labels, fontsize=_LABEL_SIZE, color="#1a1a1a")
    differences.set_yticks([])
    axes.set_xlabel(accuracy_label(ablation.board).replace(", ", ",\n"))  # narrower than the axis
    differences.set_xlabel("Δ top-1 to the reference (points)")
    differences.axvline(0, color="#555555", linewidth=1.0, zorder=2)
    _draw_baseline(axes, ablation)
    for row, centre, height in zip(rows, centres, heights, strict=True):
        _draw_accuracy(axes, row, centre, is_reference=ablation.is_reference(row.variant))
        _draw_difference(differences, ablation, row, centre, height)
    for one in (axes, differences):
        one.margins(x=0.08)
        one.xaxis.set_major_locator(MaxNLocator(nbins=5))
    return figure


def _labels(ablation: Ablation) -> list[str]:
    """The rows' names, with what they are marked as below them."""
    marks = dict(marks_above(ablation))
    names = [label_of(name, is_baseline=False) for name in ablation.rows]
    marked = [marks.get(name, "").replace("\n", ", ") for name in ablation.rows]
    return [f"{name}\n({words})" if words else name for name, words in zip(names, marked, strict=True)]


def _begins_block(ablation: Ablation) -> list[bool]:
    """Whether each row is the first with its value of the first of several settings."""
    first = [ablation.points[name].values[0] for name in ablation.rows]
    several = len(ablation.design.settings) > 1
    return [several and (place == 0 or value != first[place - 1]) for place, value in enumerate(first)]


def _axes_beside(figure: "Figure", axes: "Axes", left: float) -> "Axes":
    """Axes of the same size to the right of those that are there, from so many inches on."""
    _, bottom, width, height = axes.get_position().bounds
    return figure.add_axes((left / WIDTH_INCHES, bottom, width, height))


def _draw_baseline(axes: "Axes", ablation: Ablation) -> None:
    """The baseline's mean as a line, and its interval as a band."""
    row = ablation.board.baseline
    if row is None:
        return
    mean, width = row.top1_percent.mean, row.top1_percent.half_width
    if width is not None:
        axes.axvspan(mean - width, mean + width, color=BASELINE_COLOUR, alpha=0.12, linewidth=0, zorder=0)
    axes.axvline(mean, color=BASELINE_COLOUR, linewidth=1.2, linestyle="--", zorder=2)
    axes.annotate(
        f"{label_of(row.variant, is_baseline=True)} {mean:.2f} {half_width(row.top1_percent)}",
        (mean, 1),
        xycoords=axes.get_xaxis_transform(),
        textcoords="offset points",
        xytext=(0, 3),
        ha="center",
        size=_LABEL_SIZE - 0.5,
        color="#1a1a1a",
    )


def _draw_accuracy(axes: "Axes", row: Row, centre: float, *, is_reference: bool) -> None:
    """The mean with its interval, and both in numbers to the right."""
    top1 = row.top1_percent
    axes.errorbar(
        top1.mean, centre, xerr=top1.half_width, fmt="none", ecolor=COLOUR, elinewidth=1.2, capsize=3.0, zorder=3
    )
    axes.plot(
        top1.mean,
        centre,
        marker="o",
        markersize=6.5,
        markeredgecolor=COLOUR,
        markeredgewidth=1.3,
        markerfacecolor=COLOUR if is_reference else "#ffffff",
        zorder=5,
    )
    axes.text(
        1.03,
        centre,
        f"{top1.mean:.2f} {half_width(top1)}",
        transform=axes.get_yaxis_transform(),
        va="center",
        size=_LABEL_SIZE,
    )


def _draw_difference(axes: "Axes", ablation: Ablation, row: Row, centre: float, height: float) -> None:
    """The seeds as dots, and below them their mean and its interval."""
    found, reference = ablation.to_reference.get(row.variant), ablation.reference
    if found is None or reference is None:
        return
    seeds = list(paired_by_seed(row, reference).values())
    lowest, highest = _SEEDS_BETWEEN
    step = (highest - lowest) / max(1, len(seeds) - 1)
    axes.plot(
        seeds,
        [centre - height * (highest - step * place) for place in range(len(seeds))],
        linestyle="none",
        marker="o",
        markersize=3.4,
        markerfacecolor=COLOUR,
        markeredgecolor="none",
        alpha=0.6,
        zorder=4,
    )
    at = centre + _INTERVAL_AT * height
    axes.plot([found.low, found.high], [at, at], color=COLOUR, linewidth=1.8, zorder=3)
    axes.plot(found.mean, at, marker="D", markersize=4.6, color=COLOUR, zorder=5)
    axes.text(
        1.03,
        centre,
        _points(found),
        transform=axes.get_yaxis_transform(),
        va="center",
        size=_LABEL_SIZE,
        weight="bold" if found.is_shown else "normal",
    )


def _points(found: Difference) -> str:
    return f"{signed_points(found.mean)} {mark(found)}".rstrip()


def _difference_caption(ablation: Ablation) -> list[str]:
    differences = ablation.to_reference.values()
    if not differences:
        return []
    over = "seeds and test images" if any(found.is_over_seeds for found in differences) else "test images alone"
    return [
        "Right: accuracy less the reference's, a dot a seed, the first one above; diamonds are means, lines their 95 % "
        f"intervals over {over}, each of one comparison alone."
    ]
