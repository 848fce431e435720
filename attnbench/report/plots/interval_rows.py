"""Means with their intervals, one row a variant, in axes beside and below each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnbench.report.plots.figure import framed_panels, text_sizes
from attnbench.report.plots.variants import label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
"""Of the letters, in points like all lengths here."""
_LEAST_ROW = 22.0
"""Height of a row whose label has one line."""
_ROW_GAP = 6.0
"""Between the labels of two rows."""
_GAP_INCHES = 0.6
"""Between two axes beside each other, where the numbers of the first stand."""


@dataclass(frozen=True, kw_only=True)
class RowValue:
    """A number of one row."""

    value: float
    """The number."""
    interval: tuple[float, float] | None
    """Ends of its interval, if it has one."""
    text: str
    """What stands at the end of the row."""
    is_zero_marked: bool = False
    """Whether it is a difference, which 0 says something of."""


@dataclass(frozen=True, kw_only=True)
class RowPanel:
    """One of the axes."""

    title: str
    """What is shown in it, with its unit."""
    values: Mapping[str, RowValue]
    """By the names of the rows, which need not all have one."""


def draw_interval_rows(
    panels: Sequence[RowPanel],
    *,
    are_baselines: Mapping[str, bool],
    colours: Mapping[str, str],
    title: str,
    caption: Sequence[str],
    num_columns: int,
) -> tuple["Figure", list["Axes"]]:
    """The panels as a figure, in the style that matplotlib is set to.

    Args:
        panels: What is drawn.
        are_baselines: Of each row, the uppermost first, whether it is the baseline.
        colours: Of each row.
        title: What is shown of what.
        caption: Sentences, each of which starts a line.
        num_columns: Panels beside each other.
    """
    labels = [label_of(name, is_baseline=is_baseline) for name, is_baseline in are_baselines.items()]
    sizes = text_sizes(labels, size=_LABEL_SIZE, weight="bold")
    heights = [max(_LEAST_ROW, height + _ROW_GAP) for _, height in sizes]
    centres = [sum(heights[:place]) + height / 2 for place, height in enumerate(heights)]
    figure, all_axes = framed_panels(
        title=title,
        caption=caption,
        panels=[panel.title for panel in panels],
        num_columns=num_columns,
        height=sum(heights) / 72,
        left=max(width for width, _ in sizes) / 72 + 0.25,
        gap=_GAP_INCHES,
        right=_GAP_INCHES,
    )
    for place, (axes, panel) in enumerate(zip(all_axes, panels, strict=True)):
        axes.set_ylim(sum(heights), 0)  # downwards, so that the best is the uppermost
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_yticks(centres, [] if place % num_columns else labels, fontsize=_LABEL_SIZE, color="#1a1a1a")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        for (name, is_baseline), centre in zip(are_baselines.items(), centres, strict=True):
            if name in panel.values:
                _draw_value(axes, panel.values[name], colours[name], at=centre, is_bold=is_baseline)
    return figure, all_axes


def _draw_value(axes: "Axes", value: RowValue, colour: str, *, at: float, is_bold: bool) -> None:
    if value.is_zero_marked:
        axes.axvline(0, color="#555555", linewidth=1.0, zorder=2)
    if value.interval is not None:
        axes.plot(value.interval, [at, at], color=colour, linewidth=1.8, zorder=3)
    axes.plot(value.value, at, marker="D", markersize=4.6, color=colour, zorder=5)
    axes.text(
        1.015,
        at,
        value.text,
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        size=_LABEL_SIZE,
        weight="bold" if is_bold else "normal",
    )
