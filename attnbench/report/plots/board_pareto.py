"""Accuracy against cost from a leaderboard alone: parameters, MACs, or time beside the baseline's."""

from typing import TYPE_CHECKING, Literal, TypeAlias

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.notes import heading
from attnbench.report.numbers import macs_unit, plural
from attnbench.report.plots.board_words import over_seeds
from attnbench.report.plots.pareto import ParetoPoint
from attnbench.report.plots.pareto_axes import accuracy_limits
from attnbench.report.plots.pareto_notes import ParetoWords, accuracy_sentences
from attnbench.report.plots.pareto_plot import draw_pareto
from attnbench.report.plots.variants import board_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BoardCost: TypeAlias = Literal["parameters", "macs", "time"]
"""What accuracy stands against: trainable parameters, multiply-accumulates, or time over the baseline's."""


def draw_board_pareto(board: Leaderboard, cost: BoardCost) -> "Figure":
    """Accuracy against cost as a figure, in the style that matplotlib is set to."""
    points, styles = board_points(board, cost), board_styles(board)
    return draw_pareto(points, board_words(board, cost), [styles[point.variant] for point in points])


def board_points(board: Leaderboard, cost: BoardCost) -> tuple[ParetoPoint, ...]:
    """The variants of a leaderboard with their costs, the cheapest first."""
    points = [_point(row, cost) for row in board.rows]
    return tuple(sorted(points, key=lambda point: (point.cost, -point.top1_percent.mean, point.variant)))


def board_words(board: Leaderboard, cost: BoardCost) -> ParetoWords:
    """What is said around the plot of one cost."""
    points = board_points(board, cost)
    label, unit = _label(board, max(point.cost for point in points), cost)
    *_, has_cut_bars = accuracy_limits(points)
    return ParetoWords(
        title=heading(board),
        accuracy_label=f"top-1 accuracy (%), {over_seeds(board)}",
        cost_label=label,
        unit=unit,
        caption=(_costs(board, cost), *accuracy_sentences(points, board.facts.spec.recipe, has_cut_bars=has_cut_bars)),
    )


def _point(row: Row, cost: BoardCost) -> ParetoPoint:
    ratio = row.throughput_ratio
    costs: dict[BoardCost, float] = {"parameters": row.parameters, "macs": row.macs, "time": 1 / ratio.median}
    return ParetoPoint(
        variant=row.variant,
        is_baseline=row.is_baseline,
        cost=costs[cost],
        quartiles=(1 / ratio.upper_quartile, 1 / ratio.lower_quartile) if cost == "time" else None,
        top1_percent=row.top1_percent,
    )


def _label(board: Leaderboard, most: float, cost: BoardCost) -> tuple[str, float]:
    """The horizontal axis, and what its numbers are divided by."""
    if cost == "time":
        return f"inference time over that of the baseline {board.facts.spec.baseline} (ratio), median", 1.0
    if cost == "parameters":
        return ("parameters (millions)", 1e6) if most >= 1e6 else ("parameters (thousands)", 1e3)
    unit, size = macs_unit(round(most))
    return f"multiply-accumulates of one image ({unit})", size


def _costs(board: Leaderboard, cost: BoardCost) -> str:
    facts = board.facts
    if cost == "parameters":
        return f"Cost: trainable parameters with {facts.num_classes:,} classes."
    if cost == "macs":
        operators = [name.removeprefix("aten::") for name in facts.uncounted_operators]
        left_out = f", which leave out {', '.join(operators)}" if operators else ""
        image = "×".join(map(str, facts.image_shape))
        return f"Cost: an image of {image}, by fvcore's default rules{left_out}."
    machine = facts.machines[0]
    device = machine.processor if machine.device == "cpu" else machine.device
    where = f"{device}, {plural(machine.threads, 'thread')}"
    if len(facts.machines) > 1:
        where = f"{len(facts.machines)} environments, most often {where}"
    return (
        f"Cost: forward passes of {plural(facts.spec.measure.throughput_batch_size, 'image')} in inference mode, each "
        f"over one of the baseline beside it, on {where}; bars are quartiles of passes."
    )
