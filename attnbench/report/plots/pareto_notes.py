"""The words of a plot of accuracy against cost: title, axes and caption."""

from collections.abc import Sequence
from dataclasses import dataclass

from attnbench.efficiency_spec import PHASES
from attnbench.report.front import ParetoPoint
from attnbench.report.leaderboard.plotted import over_seeds
from attnbench.report.numbers import plural, plural_range
from attnbench.report.plots.pareto import ParetoPoints
from attnbench.spec import Recipe

_LAYOUTS = {"nchw": "NCHW", "channels_last": "channels last (NHWC)"}
FRONT = (
    "Filled markers and the line are the Pareto front: by medians and means, whatever the bars say, no other is as "
    "cheap and more accurate, or as accurate and cheaper."
)
"""How a plot with a front is to be read."""


@dataclass(frozen=True, kw_only=True)
class ParetoWords:
    """What is said around a plot of accuracy against cost."""

    title: str
    """Backbone and data."""
    accuracy_label: str
    """The vertical axis."""
    cost_label: str
    """The horizontal axis, with its unit."""
    unit: float
    """What costs are divided by to be in that unit."""
    caption: tuple[str, ...]
    """What the plot was measured on and how it is to be read, one sentence each."""


def pareto_words(points: ParetoPoints, *, has_cut_bars: bool) -> ParetoWords:
    """The words of points of an efficiency table; `has_cut_bars` as `pareto_caption` takes it."""
    label, unit = cost_label(points)
    return ParetoWords(
        title=pareto_title(points),
        accuracy_label=accuracy_label(points.points),
        cost_label=label,
        unit=unit,
        caption=tuple(pareto_caption(points, has_cut_bars=has_cut_bars)),
    )


def pareto_title(points: ParetoPoints) -> str:
    """Backbone and data."""
    return f"{points.trained.spec.backbone} on {points.trained.spec.data}"


def accuracy_label(points: Sequence[ParetoPoint]) -> str:
    """The vertical axis."""
    return f"top-1 accuracy (%), {over_seeds(point.percent.num_samples for point in points)}"


def cost_label(points: ParetoPoints) -> tuple[str, float]:
    """The horizontal axis, and what its numbers are divided by."""
    most = max(point.cost for point in points.points)
    if points.cost == "latency":
        return "latency of one image (ms), median", 1.0
    if points.cost in PHASES:
        step = "forward pass" if points.cost == "inference" else "training step"
        return f"{step} of {plural(points.batch_size or 0, 'image')} (ms), median", 1.0
    if points.cost == "params":
        return ("parameters (millions)", 1e6) if most >= 1e6 else ("parameters (thousands)", 1e3)
    unit, size = ("GFLOPs", 1e9) if most >= 1e9 else ("MFLOPs", 1e6)
    return f"operations of one image ({unit}, {points.cost})", size


def pareto_caption(points: ParetoPoints, *, has_cut_bars: bool) -> list[str]:
    """What the plot was measured on and how it is to be read, one sentence each.

    Args:
        points: What is plotted.
        has_cut_bars: Whether error bars go on beyond the axes.
    """
    accuracies = accuracy_sentences(points.points, points.trained.spec.recipe, has_cut_bars=has_cut_bars)
    return [_costs(points), accuracies[0], *_networks(points), *accuracies[1:]]


def accuracy_sentences(points: Sequence[ParetoPoint], recipe: Recipe, *, has_cut_bars: bool) -> list[str]:
    """How the accuracies came about, and then how the front is to be read; `has_cut_bars` as above."""
    trained = f"{plural(recipe.epochs, 'epoch')} at batch {recipe.batch_size}"
    return [f"Accuracy: {trained}, {_seeds(points)}{_bars(points, has_cut_bars)}.", FRONT]


def _costs(points: ParetoPoints) -> str:
    spec, environment = points.measured.spec, points.measured.environment
    image = "×".join(map(str, spec.image_shape))
    if points.cost == "params":
        return f"Cost: trainable parameters with {spec.num_classes:,} classes."
    if points.cost not in PHASES:
        return f"Cost: an image of {image}, {spec.num_classes:,} classes; a multiply-accumulate counts once."
    device = environment.processor if spec.conditions.device == "cpu" else environment.device
    sessions = f", measured in {points.num_sessions} sessions" if points.num_sessions > 1 else ""
    conditions = spec.conditions
    return (
        f"Cost: {device}, {plural(environment.threads, 'thread')}, batch {points.batch_size}, {conditions.precision}, "
        f"{conditions.mode}, {_LAYOUTS[conditions.layout]}, images of {image}{sessions}; bars are quartiles of steps."
    )


def _seeds(points: Sequence[ParetoPoint]) -> str:
    return plural_range((point.percent.num_samples for point in points), "seed")


def _bars(points: Sequence[ParetoPoint], has_cut_bars: bool) -> str:
    if all(point.percent.half_width is None for point in points):
        return ""
    cut = "; bars that reach the edge go on beyond it" if has_cut_bars else ""
    return f"; bars are 95 % intervals (Student's t) over seeds{cut}"


def _networks(points: ParetoPoints) -> list[str]:
    """What differs between the networks of the two axes."""
    spec, values = points.measured.spec, points.trained.values
    differing = []
    if spec.image_shape != values.image_shape:
        differing.append(f"images of {'×'.join(map(str, values.image_shape))}")
    if spec.num_classes != values.num_classes:
        differing.append(f"{values.num_classes:,} classes")
    return [f"The accuracies are of {' and '.join(differing)}, which are not those of the cost."] if differing else []
