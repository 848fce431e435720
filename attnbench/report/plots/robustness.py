"""Accuracy against the strength of each corruption, one line a variant, from the clean images on."""

from typing import TYPE_CHECKING

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.leaderboard.corrupted_table import AXES
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.scores import Score
from attnbench.report.plots.board_words import trained
from attnbench.report.plots.figure import framed_panels
from attnbench.report.plots.legend import draw_legend, legend_height
from attnbench.report.plots.variants import VariantStyle, board_styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 2.5
"""Of each of the axes."""


def draw_robustness(board: Leaderboard) -> "Figure":
    """The lines as a figure, in the style that matplotlib is set to."""
    assert board.robustness is not None, "drawn only where images were corrupted"
    strengths, styles = board.robustness.strengths, board_styles(board)
    are_baselines = {row.variant: row.is_baseline for row in board.rows}
    found = top1_by_strength({row.variant: row.records for row in board.rows})
    figure, all_axes = framed_panels(
        title=heading(board),
        caption=_caption(board),
        panels=list(strengths),
        num_columns=min(2, len(strengths)),
        height=_HEIGHT_INCHES,
        above=legend_height(are_baselines),
    )
    for axes, (corruption, steps) in zip(all_axes, strengths.items(), strict=True):
        axes.set_xlabel(AXES[corruption])
        axes.set_ylabel("top-1 accuracy (%)")
        axes.grid(visible=True)
        axes.set_axisbelow(True)
        for name, scores in found[corruption].items():
            _draw_line(axes, (0.0, *steps), scores, styles[name], is_baseline=are_baselines[name])
        axes.set_xlim(left=0)
    draw_legend(figure, are_baselines, styles)
    return figure


def _draw_line(
    axes: "Axes", places: tuple[float, ...], scores: tuple[Score, ...], style: VariantStyle, *, is_baseline: bool
) -> None:
    axes.plot(
        places,
        [score.percent for score in scores],
        color=style.colour,
        linestyle=style.line,
        linewidth=1.8 if is_baseline else 1.2,
        marker="o",
        markersize=3.0,
        zorder=4 if is_baseline else 3,
        clip_on=False,
    )
    low = [score.percent if score.low is None else score.low for score in scores]
    high = [score.percent if score.high is None else score.high for score in scores]
    axes.fill_between(places, low, high, color=style.colour, alpha=0.12, linewidth=0, zorder=2)


def _caption(board: Leaderboard) -> list[str]:
    over = "seeds and test images" if len(board.facts.seeds) > 1 else "test images alone"
    return [
        f"Top-1 accuracy on the {board.facts.num_test_images:,} test images, clean at strength 0 and corrupted; "
        f"{trained(board)}.",
        f"Bands are 95 % intervals over {over}, of each point alone. Every variant meets the same corrupted images.",
    ]
