"""Every trial as a line through its accuracy and its settings."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnbench.printable import printable
from attnbench.report.plots.figure import framed
from attnbench.report.study.notes import study_title
from attnbench.report.study.pictures import Picture
from attnbench.report.study.plots.axes import SettingAxis, setting_axis
from attnbench.report.study.trials import default_trial, drawn_top1, objective_label, validation_top1
from attnbench.study import StudySummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 3.4
_SIDE_INCHES = 0.6
_LIGHTEST = 0.25
"""Shade of the least accurate trial, which must still be seen on white."""
_MOST_IN_LINE = 6
"""Axes from which on their names stand at two heights."""


def draw_parallel(picture: Picture, summary: StudySummary) -> "Figure":
    """The picture as a figure, in the style that matplotlib is set to."""
    figure, axes = framed(
        title=picture.title,
        caption=[f"{study_title(summary)}.", picture.caption],
        height=_HEIGHT_INCHES,
        left=_SIDE_INCHES,
        right=_SIDE_INCHES,
    )
    # The best last, so that it lies above the others.
    trials = sorted(summary.of_state("complete"), key=lambda trial: validation_top1(trial, summary))
    accuracies = [drawn_top1(trial, summary) for trial in trials]
    scales = {name: setting_axis(name, summary) for name in summary.spec.space}
    accuracy_axis = _accuracy_axis(accuracies)
    own = default_trial(summary)
    for trial, accuracy in zip(trials, accuracies, strict=True):
        positions = [accuracy_axis.height(accuracy)]
        positions += [scale.height(scale.position(trial.settings[name])) for name, scale in scales.items()]
        _draw_line(axes, positions, brightness=accuracy_axis.height(accuracy), is_default=trial is own)
    label = objective_label("accuracy", summary)
    for place, (name, scale) in enumerate({label: accuracy_axis, **scales}.items()):
        is_low = len(scales) >= _MOST_IN_LINE and place % 2 == 1
        _draw_axis(axes, place, name, scale, is_low=is_low)
    axes.set_xlim(0, len(scales))
    axes.set_ylim(-0.02, 1.02)
    axes.set_axis_off()
    return figure


def _draw_line(axes: "Axes", heights: Sequence[float], *, brightness: float, is_default: bool) -> None:
    from matplotlib import colormaps

    if is_default:
        axes.plot(heights, color="#000000", linewidth=1.4, linestyle="--", zorder=4)
    else:
        colour = colormaps["Blues"](_LIGHTEST + (1 - _LIGHTEST) * brightness)
        axes.plot(heights, color=colour, linewidth=1.0, zorder=2)


def _draw_axis(axes: "Axes", place: int, name: str, scale: SettingAxis, *, is_low: bool) -> None:
    axes.plot([place, place], [0, 1], color="#555555", linewidth=0.8, zorder=5, clip_on=False)
    halo = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    # Numbers of the first axis stand outside, where there is room; those of the others beside their lines.
    side, offset = ("right", -5) if place == 0 else ("left", 4)
    for position, text in scale.shown_ticks():
        axes.annotate(
            printable(text), (place, scale.height(position)), xytext=(offset, 0), textcoords="offset points",
            ha=side, va="center", size=7, color="#333333", bbox=halo, zorder=6, annotation_clip=False,
        )  # fmt: skip
    folded = re.sub(r"(?<=\.)", "\n", printable(name)).replace(" (", "\n(")
    axes.annotate(
        folded, (place, 0), xytext=(0, -28 if is_low else -8), textcoords="offset points", ha="center", va="top",
        size=8, annotation_clip=False,
    )  # fmt: skip


def _accuracy_axis(accuracies: Sequence[float]) -> SettingAxis:
    low, high = min(accuracies), max(accuracies)
    room = 0.0 if high > low else 0.5
    return SettingAxis(low=low - room, high=high + room, is_logarithmic=False, ticks=())
