"""Precision against recall of a detector's variants, at the IoU thresholds 0.5 and 0.75."""

from typing import TYPE_CHECKING

from attnbench.report.detection.plotted import IOUS, PlottedDetector, precision_line
from attnbench.report.plots.detection.words import baselines_of, settings_of, styles_of, trained
from attnbench.report.plots.figure import framed_panels
from attnbench.report.plots.legend import draw_legend, legend_height

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 2.9
"""Of each of the axes."""


def draw_precision_recall(detector: PlottedDetector) -> "Figure":
    """The curves as a figure, in the style that matplotlib is set to."""
    styles = styles_of(detector)
    figure, all_axes = framed_panels(
        title=detector.title,
        caption=_caption(detector),
        panels=[f"IoU {iou:g}" for iou in IOUS],
        num_columns=len(IOUS),
        height=_HEIGHT_INCHES,
        above=legend_height(baselines_of(detector)),
    )
    for axes, iou in zip(all_axes, IOUS, strict=True):
        axes.set_xlabel("recall (%)")
        axes.set_ylabel("precision (%)")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 102)
        for row in detector.block.rows:
            curve, style = precision_line(row, iou), styles[row.variant]
            axes.plot(
                curve.places,
                curve.means,
                color=style.colour,
                linestyle=style.line,
                linewidth=1.8 if row.is_baseline else 1.2,
                zorder=4 if row.is_baseline else 3,
            )
    draw_legend(figure, baselines_of(detector), styles)
    return figure


def _caption(detector: PlottedDetector) -> list[str]:
    several = any(len(row.records) > 1 for row in detector.block.rows)
    over = "classes and seeds" if several else "classes"
    return [
        f"Boxes on the {detector.board.facts.num_test_images:,} test images; {trained(detector)}.",
        f"Precision is the best at that recall or a higher one, the mean over {over}. The mean of a line is AP50 on "
        "the left and AP75 on the right.",
        *settings_of(detector),
    ]
