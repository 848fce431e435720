"""Accuracy against cost from a leaderboard alone: parameters, MACs, or time beside the baseline's."""

from typing import TYPE_CHECKING

from attnbench.report.front import ParetoPoint
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.plotted import BoardCost, accuracy_label, cost_label, cost_points
from attnbench.report.numbers import plural
from attnbench.report.plots.pareto_axes import accuracy_limits
from attnbench.report.plots.pareto_notes import ParetoWords, accuracy_sentences
from attnbench.report.plots.pareto_plot import draw_pareto
from attnbench.report.plots.variants import board_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_board_pareto(board: Leaderboard, cost: BoardCost) -> "Figure":
    """Accuracy against cost as a figure, in the style that matplotlib is set to."""
    points, styles = board_points(board, cost), board_styles(board)
    return draw_pareto(points, board_words(board, cost), [styles[point.variant] for point in points])


def board_points(board: Leaderboard, cost: BoardCost) -> tuple[ParetoPoint, ...]:
    """The variants of a leaderboard with their costs, the cheapest first."""
    by_cost = sorted(cost_points(board, cost), key=lambda point: (point.cost, -point.percent.mean, point.variant))
    return tuple(by_cost)


def board_words(board: Leaderboard, cost: BoardCost) -> ParetoWords:
    """What is said around the plot of one cost."""
    points = board_points(board, cost)
    label, unit = cost_label(board, cost)
    *_, has_cut_bars = accuracy_limits(points)
    return ParetoWords(
        title=heading(board),
        accuracy_label=accuracy_label(board),
        cost_label=label,
        unit=unit,
        caption=(_costs(board, cost), *accuracy_sentences(points, board.facts.spec.recipe, has_cut_bars=has_cut_bars)),
    )


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
