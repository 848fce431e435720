"""Accuracy against the number of groups, beside the baseline, and below it what each number costs."""

from typing import TYPE_CHECKING

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.ablation.figure_words import BASELINE_COLOUR, COLOUR, figure_caption, marks_above
from attnbench.report.ablation.table import title
from attnbench.report.leaderboard.board import Row
from attnbench.report.leaderboard.cells import mark
from attnbench.report.leaderboard.plotted import accuracy_label, cost_label
from attnbench.report.plots.figure import BELOW_INCHES, framed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 2.7
"""Of the axes with the accuracies."""
_COST_INCHES = 0.95
"""Of the axes with the costs."""
_GAP_INCHES = 0.16
"""Between them."""
_ABOVE_INCHES = 0.36
"""Room for what is marked above the axes."""
_RIGHT_INCHES = 0.75
"""Room for the baseline's name."""
_LABEL_SIZE = 8.0
_ROOM_FOR_STARS = 0.12
"""Above and below what is drawn, as a part of its height."""


def draw_group_figure(ablation: Ablation) -> "Figure":
    """Accuracies and costs over the number of groups as a figure, in the style that matplotlib is set to."""
    numbers = _numbers(ablation)
    figure, axes = framed(
        title=title(ablation),
        caption=[*figure_caption(ablation), _cost_caption(ablation)],
        height=_HEIGHT_INCHES,
        above=_ABOVE_INCHES,
        below=BELOW_INCHES + _COST_INCHES + _GAP_INCHES,
        right=_RIGHT_INCHES,
    )
    costs = _axes_below(figure, axes)
    axes.set_ylabel(accuracy_label(ablation.board))
    _draw_baseline(axes, ablation)
    for name, row in ablation.rows.items():
        _draw_accuracy(axes, ablation, row, numbers[name])
    axes.margins(y=_ROOM_FOR_STARS)
    _draw_costs(costs, ablation, numbers)
    for place, text in marks_above(ablation):
        axes.text(
            numbers[place],
            1.02,
            text,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            size=_LABEL_SIZE - 0.5,
            color="#333333",
            linespacing=1.1,
        )
        for one in (axes, costs):
            one.axvline(numbers[place], color="#bbbbbb", linestyle=":", linewidth=1.0, zorder=1)
    for one in (axes, costs):
        _scale_groups(one, list(numbers.values()))
    axes.tick_params(axis="x", labelbottom=False)
    costs.set_xlabel(f"{ablation.design.settings[0]} (logarithmic)")
    return figure


def _numbers(ablation: Ablation) -> dict[str, float]:
    """The number of groups of each row."""
    numbers = {}
    for name in ablation.rows:
        (number,) = ablation.points[name].values
        assert isinstance(number, int), "groups are counted"
        numbers[name] = float(number)
    return numbers


def _axes_below(figure: "Figure", axes: "Axes") -> "Axes":
    """Axes of the same width under those that are there."""
    total = figure.get_figheight()
    left, bottom, width, _ = axes.get_position().bounds
    below = (_COST_INCHES + _GAP_INCHES) / total
    return figure.add_axes((left, bottom - below, width, _COST_INCHES / total))


def _scale_groups(axes: "Axes", numbers: list[float]) -> None:
    from matplotlib.ticker import NullLocator

    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [f"{number:.0f}" for number in numbers])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(min(numbers) / 1.5, max(numbers) * 1.5)
    axes.grid(visible=True, axis="y")
    axes.set_axisbelow(True)


def _draw_baseline(axes: "Axes", ablation: Ablation) -> None:
    """The baseline's mean as a line, and its interval as a band."""
    row = ablation.board.baseline
    if row is None:
        return
    mean, half_width = row.top1_percent.mean, row.top1_percent.half_width
    if half_width is not None:
        axes.axhspan(mean - half_width, mean + half_width, color=BASELINE_COLOUR, alpha=0.12, linewidth=0, zorder=0)
    axes.axhline(mean, color=BASELINE_COLOUR, linewidth=1.2, linestyle="--", zorder=2)
    axes.text(
        1.012,
        mean,
        f"{row.variant}\n(baseline)",
        transform=axes.get_yaxis_transform(),
        va="center",
        size=_LABEL_SIZE,
        color="#1a1a1a",
    )


def _draw_accuracy(axes: "Axes", ablation: Ablation, row: Row, number: float) -> None:
    mean, half_width = row.top1_percent.mean, row.top1_percent.half_width
    axes.errorbar(number, mean, yerr=half_width, fmt="none", ecolor=COLOUR, elinewidth=1.2, capsize=3.0, zorder=3)
    axes.plot(
        number,
        mean,
        marker="o",
        markersize=6.5,
        markeredgecolor=COLOUR,
        markeredgewidth=1.3,
        markerfacecolor=COLOUR if ablation.is_reference(row.variant) else "#ffffff",
        zorder=5,
    )
    found = ablation.to_reference.get(row.variant)
    if found is not None and mark(found):
        axes.annotate(
            mark(found),
            (number, mean + (half_width or 0.0)),
            textcoords="offset points",
            xytext=(0, 3),
            ha="center",
            size=_LABEL_SIZE + 3,
            weight="bold",
        )


def _draw_costs(axes: "Axes", ablation: Ablation, numbers: dict[str, float]) -> None:
    rows = ablation.rows
    if _macs_differ(ablation):
        text, size = cost_label(ablation.board, "macs")
        axes.set_ylabel(text[text.index("(") + 1 : -1])
        axes.plot(
            list(numbers.values()),
            [row.macs / size for row in rows.values()],
            marker="o",
            markersize=4.5,
            color=COLOUR,
            linewidth=1.0,
        )
        return
    axes.set_ylabel("images/s (×)")
    axes.axhline(1.0, color=BASELINE_COLOUR, linewidth=1.2, linestyle="--", zorder=2)
    for name, row in rows.items():
        ratio = row.throughput_ratio
        bars = [[ratio.median - ratio.lower_quartile], [ratio.upper_quartile - ratio.median]]
        axes.errorbar(
            numbers[name],
            ratio.median,
            yerr=bars,
            fmt="o",
            markersize=4.5,
            color=COLOUR,
            elinewidth=1.2,
            capsize=2.0,
            zorder=3,
        )
    axes.margins(y=0.2)


def _cost_caption(ablation: Ablation) -> str:
    if _macs_differ(ablation):
        return "Below: multiply-accumulates of one image, by fvcore's default rules."
    return (
        "Below: inference beside the baseline's, median ratio of passes taken in turn, bars between the quartiles; "
        "multiply-accumulates, as fvcore counts them, do not differ."
    )


def _macs_differ(ablation: Ablation) -> bool:
    return len({row.macs for row in ablation.rows.values()}) > 1
