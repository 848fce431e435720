"""Learning curves of a detector: each part of its training loss, and AP on the validation split, by variant."""

from typing import TYPE_CHECKING

from attnbench.report.detection.plotted import PlottedDetector, learning_curves_of, loss_names
from attnbench.report.leaderboard.plotted import Curve
from attnbench.report.numbers import plural
from attnbench.report.plots.detection.words import baselines_of, settings_of, styles_of, trained
from attnbench.report.plots.figure import framed_panels
from attnbench.report.plots.learning_curves import draw_curve
from attnbench.report.plots.legend import draw_legend, legend_height

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 1.9
"""Of each of the axes."""


def draw_learning_curves(detector: PlottedDetector) -> "Figure":
    """The curves as a figure, in the style that matplotlib is set to."""
    from matplotlib.ticker import MaxNLocator

    panels = _panels(detector)
    styles = styles_of(detector)
    figure, all_axes = framed_panels(
        title=detector.title, caption=_caption(detector, panels), panels=list(panels), num_columns=2,
        height=_HEIGHT_INCHES, above=legend_height(baselines_of(detector)),
    )  # fmt: skip
    for axes, curves in zip(all_axes, panels.values(), strict=True):
        axes.set_xlabel("epoch")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        for row in detector.block.rows:
            if row.variant in curves:
                draw_curve(axes, curves[row.variant], styles[row.variant], is_baseline=row.is_baseline)
    draw_legend(figure, baselines_of(detector), styles)
    return figure


def _panels(detector: PlottedDetector) -> dict[str, dict[str, Curve]]:
    """The curves of each of the axes by variant, without those that have no epoch; validation comes first."""
    variants = [row.variant for row in detector.block.rows]
    return {
        name: {variant: curve for variant, curve in zip(variants, curves, strict=True) if curve.places}
        for name, curves in learning_curves_of(detector.block).items()
    }


def _caption(detector: PlottedDetector, panels: dict[str, dict[str, Curve]]) -> list[str]:
    facts = detector.board.facts
    sentences = [
        "Each part of the training loss, the mean over the steps of an epoch: what is minimised is their sum; "
        f"{trained(detector)}."
    ]
    if len(panels) > len(loss_names(detector.block)):
        images = plural(facts.num_validation_images, "validation image")
        sentences.append(f"AP of boxes on the {images}, after the epochs that were validated; it selects nothing.")
    if any(len(row.records) > 1 for row in detector.block.rows):
        sentences.append("Lines are means over seeds, and bands ± 1 standard deviation over seeds.")
    return [*sentences, *settings_of(detector)]
