"""AP of a detector's variants against their parameters, multiply-accumulates or time."""

from typing import TYPE_CHECKING

from attnbench.report.detection.plotted import PlottedDetector, ap_label, cost_label, cost_points
from attnbench.report.leaderboard.plotted import BoardCost
from attnbench.report.numbers import plural
from attnbench.report.plots.detection.words import drawn_of, settings_of, styles_of, trained
from attnbench.report.plots.pareto_axes import accuracy_limits
from attnbench.report.plots.pareto_notes import FRONT, ParetoWords
from attnbench.report.plots.pareto_plot import draw_pareto

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_costs(detector: PlottedDetector, *, cost: BoardCost) -> "Figure":
    """AP against cost as a figure, in the style that matplotlib is set to."""
    found = cost_points(detector.block, cost)
    points = sorted(found, key=lambda point: (point.cost, -point.percent.mean, point.variant))
    styles = styles_of(detector)
    label, unit = cost_label(detector.block, cost)
    *_, has_cut_bars = accuracy_limits(points)
    bars = "; bars that reach the edge go on beyond it" if has_cut_bars else ""
    words = ParetoWords(
        title=detector.title,
        accuracy_label=ap_label(detector.block),
        cost_label=label,
        unit=unit,
        caption=(
            _cost(detector, cost),
            f"AP of boxes: {trained(detector)}; bars are half the width of a 95 % interval over {drawn_of(detector)} "
            f"to either side{bars}.",
            FRONT,
            *settings_of(detector),
        ),
    )
    return draw_pareto(points, words, [styles[point.variant] for point in points])


def _cost(detector: PlottedDetector, cost: BoardCost) -> str:
    facts = detector.board.facts
    if cost == "parameters":
        return f"Cost: all parameters of the detector with {facts.num_classes:,} classes, frozen ones among them."
    if cost == "macs":
        height, width = detector.block.rows[0].counts.image_size
        return (
            f"Cost: body and feature pyramid on an image of {height}×{width} (height × width), by fvcore's default "
            "rules; the heads are left out, which cost as much in every variant but for how many regions there are."
        )
    machine = facts.machines[0]
    device = machine.processor if machine.device == "cpu" else machine.device
    return (
        "Cost: inference of one image at a time by detectors before training, each pass over one of the baseline "
        f"beside it, on {device}, {plural(machine.threads, 'thread')}; bars are quartiles of passes."
    )
