"""A legend of variants below a figure's title, for lines that no label has room beside."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attnbench.printable import printable
from attnbench.report.plots.figure import RIGHT_INCHES, WIDTH_INCHES, text_sizes
from attnbench.report.plots.variants import VariantStyle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE = 8.0
"""Of the letters, points."""
_LINE = 0.19
"""Height of a line, inches."""
_HANDLE = 0.45
"""Width of what stands before a name, inches."""
_LONGEST_NAME = 40
"""Characters of a name that are shown."""


def legend_height(are_baselines: Mapping[str, bool]) -> float:
    """Room that a legend needs, inches.

    Args:
        are_baselines: Of each variant, in the order in which they are named, whether it is the baseline.
    """
    names = _names(are_baselines)
    return _LINE * -(-len(names) // _num_columns(names)) + 0.1


def draw_legend(figure: "Figure", are_baselines: Mapping[str, bool], styles: Mapping[str, VariantStyle]) -> None:
    """The variants with their lines, below the figure's title.

    Args:
        figure: With room of `legend_height`.
        are_baselines: As `legend_height` takes them.
        styles: The style of each variant.
    """
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=styles[name].colour, linestyle=styles[name].line, linewidth=1.8 if is_baseline else 1.2)
        for name, is_baseline in are_baselines.items()
    ]
    names = _names(are_baselines)
    num_lines = 1 + figure.texts[0].get_text().count("\n")
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.02, 1 - (0.24 + 0.2 * num_lines) / figure.get_figheight()),
        ncols=_num_columns(names),
        fontsize=_SIZE,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.2,
        columnspacing=1.2,
        labelspacing=0.35,
    )


def _names(are_baselines: Mapping[str, bool]) -> list[str]:
    found = []
    for variant, is_baseline in are_baselines.items():
        name = printable(variant)
        short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        found.append(f"{short} (baseline)" if is_baseline else short)
    return found


def _num_columns(names: Sequence[str]) -> int:
    widest = max(width for width, _ in text_sizes(names, size=_SIZE)) / 72 + _HANDLE
    return max(1, min(len(names), int((WIDTH_INCHES - 2 * RIGHT_INCHES) / widest)))
