"""Learning curves of a leaderboard: validation accuracy against epochs, one line a variant."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.plotted import Curve, curve_of, validation_label
from attnbench.report.plots.board_words import trained
from attnbench.report.plots.figure import framed, text_sizes
from attnbench.report.plots.label_rows import spread
from attnbench.report.plots.variants import VariantStyle, board_styles, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 4.0
"""Of the axes, unless the labels need more."""
_LABEL_SIZE = 8.0
"""Of the letters, in points like all lengths here."""
_LABEL_GAP = 2.0
_LEADER = 16.0
"""From the end of a line to its label."""
_MOST_MARKED = 20
"""Epochs up to which each has a marker."""
_EARLY = 0.2
"""Part of the epochs that may reach below the axis, so that the others stand apart."""
_FEWEST_CUT = 10
"""Epochs from which they may."""


def draw_learning_curves(board: Leaderboard) -> "Figure":
    """The curves as a figure, in the style that matplotlib is set to."""
    from matplotlib.ticker import MaxNLocator

    curves, styles = {row.variant: curve_of(row) for row in board.rows}, board_styles(board)
    labels = {row.variant: label_of(row.variant, is_baseline=row.is_baseline) for row in board.rows}
    sizes = dict(zip(labels, text_sizes(list(labels.values()), size=_LABEL_SIZE, weight="bold"), strict=True))
    needed = sum(height + _LABEL_GAP for _, height in sizes.values()) / 72
    low, high, num_cut = _limits(list(curves.values()))
    figure, axes = framed(
        title=heading(board),
        caption=_caption(board, num_cut),
        height=max(_HEIGHT_INCHES, needed),
        right=(_LEADER + max(width for width, _ in sizes.values())) / 72 + 0.1,
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel(validation_label(board))
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    num_epochs = max(curve.places[-1] for curve in curves.values())
    room = 0.02 * (num_epochs - 1) or 0.5
    axes.set_xlim(1 - min(room, 0.9), num_epochs + room)  # there is no epoch 0
    axes.set_ylim(low, high)
    for row in board.rows:
        draw_curve(axes, curves[row.variant], styles[row.variant], is_baseline=row.is_baseline)
    _draw_labels(axes, board, curves, styles, labels, sizes)
    return figure


def draw_curve(axes: "Axes", curve: Curve, style: VariantStyle, *, is_baseline: bool) -> None:
    """A line with its band.

    Args:
        axes: Where it is drawn.
        curve: Its numbers.
        style: That of its variant.
        is_baseline: Whether it stands out and lies above the others.
    """
    above = 1 if is_baseline else 0
    axes.plot(
        curve.places,
        curve.means,
        color=style.colour,
        linestyle=style.line,
        linewidth=1.8 if is_baseline else 1.2,
        marker="o" if len(curve.places) <= _MOST_MARKED else "",
        markersize=3.0,
        zorder=3 + above,
    )
    if len(curve.places) == 1 and any(curve.deviations):
        axes.errorbar(curve.places, curve.means, yerr=curve.deviations, fmt="none", ecolor=style.colour, alpha=0.5)
    elif any(curve.deviations):
        axes.fill_between(curve.places, curve.low, curve.high, color=style.colour, alpha=0.09, linewidth=0, zorder=2)


def _draw_labels(
    axes: "Axes",
    board: Leaderboard,
    curves: dict[str, Curve],
    styles: dict[str, VariantStyle],
    labels: dict[str, str],
    sizes: dict[str, tuple[float, float]],
) -> None:
    """Each variant's name at the end of its line, joined to it."""
    to_points = 72 / axes.figure.dpi
    (_, bottom), (right, top) = axes.bbox.get_points() * to_points
    names = sorted(labels, key=lambda name: curves[name].means[-1])
    ends = [(curves[name].places[-1], curves[name].means[-1]) for name in names]
    wanted = [float(y) * to_points for _, y in axes.transData.transform(ends)]
    centres = spread(wanted, [sizes[name][1] + _LABEL_GAP for name in names], low=bottom, high=top)
    baseline = board.baseline.variant if board.baseline else None
    for name, end, centre in zip(names, ends, centres, strict=True):
        axes.annotate(
            labels[name],
            end,
            textcoords="figure points",
            xytext=(right + _LEADER, centre),
            ha="left",
            va="center",
            size=_LABEL_SIZE,
            weight="bold" if name == baseline else "normal",
            color="#1a1a1a",
            arrowprops={
                "arrowstyle": "-",
                "color": styles[name].colour,
                "linewidth": 0.7,
                "relpos": (0.0, 0.5),
                "patchA": None,  # up to the text, and not to a box around it
                "shrinkA": 2,
                "shrinkB": 1,
            },
        )


def _limits(curves: Sequence[Curve]) -> tuple[float, float, int]:
    """Ends of the vertical axis, and how many early epochs reach below it."""
    num_epochs = max(curve.places[-1] for curve in curves)
    early = round(_EARLY * num_epochs) if num_epochs >= _FEWEST_CUT else 0
    bands = [
        (epoch, low, high)
        for curve in curves
        for epoch, low, high in zip(curve.places, curve.low, curve.high, strict=True)
    ]
    least, most = min(low for epoch, low, _ in bands if epoch > early), max(high for *_, high in bands)
    room = 0.04 * (most - least) or 0.5
    cut = [epoch for epoch, low, _ in bands if low < least - room]
    return least - room, most + room, max(cut, default=0)


def _caption(board: Leaderboard, num_cut: int) -> list[str]:
    images = f"{board.facts.num_validation_images:,} validation images"
    sentences = [f"Top-1 accuracy on the {images} after each epoch; {trained(board)}."]
    if any(len(row.records) > 1 for row in board.rows):
        bars = "bars" if board.facts.spec.recipe.epochs == 1 else "bands"
        sentences.append(f"Lines are means over seeds, and {bars} ± 1 standard deviation over seeds.")
    if num_cut:
        which = "The first epoch reaches" if num_cut == 1 else f"The first {num_cut} epochs reach"
        sentences.append(f"{which} below the axis.")
    return sentences
