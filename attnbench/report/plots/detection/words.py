"""What the captions and legends of a detector's plots have in common."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnbench.printable import printable
from attnbench.report.detection.plotted import PlottedDetector, detection_marks
from attnbench.report.numbers import plural, plural_range
from attnbench.report.plots.figure import RIGHT_INCHES, WIDTH_INCHES, text_sizes
from attnbench.report.plots.variants import VariantStyle, styles_of_marks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LEGEND_SIZE = 8.0
"""Of the letters of a legend, points."""
_LEGEND_LINE = 0.19
"""Height of a line of a legend, inches."""
_HANDLE = 0.45
"""Width of what stands before a name, inches."""
_LONGEST_NAME = 40
"""Characters of a name that a legend shows."""


def trained(detector: PlottedDetector) -> str:
    """How long the variants were trained, and how often."""
    recipe = detector.board.facts.spec.recipe
    seeds = plural_range((len(row.records) for row in detector.block.rows), "seed")
    return f"{plural(recipe.epochs, 'epoch')} at batch {recipe.batch_size}, {seeds}"


def settings_of(detector: PlottedDetector) -> list[str]:
    """A sentence of the detector's settings, where the title leaves them out."""
    name = detector.block.detector
    return [] if name == detector.name else [f"Detector: {name.replace(',', ', ')}."]


def drawn_of(detector: PlottedDetector) -> str:
    """What an interval's resamples are drawn of."""
    seeds = " and seeds" if any(len(row.records) > 1 for row in detector.block.rows) else ""
    return f"the {detector.board.facts.num_test_images:,} test images{seeds}"


def styles_of(detector: PlottedDetector) -> dict[str, VariantStyle]:
    """The style of each variant, the same for all detectors of a board."""
    return styles_of_marks(detection_marks(detector.board))


def legend_height(detector: PlottedDetector) -> float:
    """Room that the legend of a detector needs, inches."""
    names = _names(detector)
    return _LEGEND_LINE * -(-len(names) // _num_columns(names)) + 0.1


def draw_legend(figure: "Figure", detector: PlottedDetector) -> None:
    """The variants with their lines, in the order of the rows, below the figure's title."""
    from matplotlib.lines import Line2D

    styles, names = styles_of(detector), _names(detector)
    handles = [
        Line2D([], [], color=styles[row.variant].colour, linestyle=styles[row.variant].line,
               linewidth=1.8 if row.is_baseline else 1.2)
        for row in detector.block.rows
    ]  # fmt: skip
    num_lines = 1 + figure.texts[0].get_text().count("\n")
    figure.legend(
        handles,
        names,
        loc="upper left",
        bbox_to_anchor=(0.02, 1 - (0.24 + 0.2 * num_lines) / figure.get_figheight()),
        ncols=_num_columns(names),
        fontsize=_LEGEND_SIZE,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handlelength=2.2,
        columnspacing=1.2,
        labelspacing=0.35,
    )


def _names(detector: PlottedDetector) -> list[str]:
    found = []
    for row in detector.block.rows:
        name = printable(row.variant)
        short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
        found.append(f"{short} (baseline)" if row.is_baseline else short)
    return found


def _num_columns(names: Sequence[str]) -> int:
    widest = max(width for width, _ in text_sizes(names, size=_LEGEND_SIZE)) / 72 + _HANDLE
    return max(1, min(len(names), int((WIDTH_INCHES - 2 * RIGHT_INCHES) / widest)))
