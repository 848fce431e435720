"""A critical-difference diagram of a leaderboard: which variants cannot be told apart.

J. Demšar: "Statistical Comparisons of Classifiers over Multiple Data Sets" (2006),
https://jmlr.org/papers/v7/demsar06a.html. It departs from his diagram:

- The axis is the mean top-1 accuracy, and not the mean rank. His ranks are over data sets, whose accuracies have
  no common scale. Here there is one data set, and seeds have one.
- There is no bar of a critical difference. That is Nemenyi's, one length for all pairs. A leaderboard tests every
  pair by permutation over seeds, corrected by Holm's procedure, so each pair has a length of its own.
- A bar joins the variants that share a rank letter. These need not be neighbours, so dots say which ones it joins.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.differences import ALPHA
from attnbench.report.leaderboard.letters import letter_set
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.plotted import accuracy_label
from attnbench.report.numbers import listed, plural
from attnbench.report.plots.board_words import trained
from attnbench.report.plots.figure import framed, text_sizes
from attnbench.report.plots.variants import VariantStyle, board_styles, label_of
from attnbench.stats import fewest_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
"""Of the letters, in points like all lengths here."""
_BAR_STEP = 8.0
"""From one bar to the next, and from the axis to the first."""
_LABEL_GAP = 5.0
"""Between two labels below each other."""
_ABOVE_INCHES = 0.5
"""Room for the axis, which is above."""
_BELOW_INCHES = 0.15


def why_not(board: Leaderboard) -> str | None:
    """Why a leaderboard has no such diagram, in a sentence; none where it has."""
    if len(board.rows) < 2:
        return "There is one variant, so there are no differences between variants."
    if not any(found.is_over_seeds for found in board.differences):
        return "No two variants share two seeds, so no difference is tested over seeds."
    return None


def joined(board: Leaderboard) -> list[list[Row]]:
    """Groups of two and more variants that share a rank letter, the group of the best first."""
    letters = sorted(
        {letter for row in board.rows for letter in letter_set(row.rank)}, key=lambda text: (len(text), text)
    )
    groups = [[row for row in board.rows if letter in letter_set(row.rank)] for letter in letters]
    return [group for group in groups if len(group) > 1]


def draw_critical_differences(board: Leaderboard) -> "Figure":
    """The diagram as a figure, in the style that matplotlib is set to."""
    ascending = sorted(board.rows, key=lambda row: row.top1_percent.mean)
    worse, better = ascending[: len(ascending) // 2], ascending[len(ascending) // 2 :][::-1]
    sizes = [text_sizes([_label(row) for row in side], size=_LABEL_SIZE, weight="bold") for side in (worse, better)]
    widths = [max((width for width, _ in side), default=0.0) / 72 + 0.2 for side in sizes]
    groups = joined(board)
    top = _BAR_STEP * (len(groups) + 1) + 4
    heights = [max(size[1] for size in pair) + _LABEL_GAP for pair in _zipped(*sizes)]
    places = [top + sum(heights[:index]) + height / 2 for index, height in enumerate(heights)]
    figure, axes = framed(
        title=heading(board),
        caption=_caption(board, groups),
        height=(top + sum(heights)) / 72,
        left=widths[0],
        right=widths[1],
        above=_ABOVE_INCHES,
        below=_BELOW_INCHES,
    )
    _draw_axis(axes, board, depth=top + sum(heights))
    styles = board_styles(board)
    for side, edge in ((worse, 0.0), (better, 1.0)):
        for row, place in zip(side, places, strict=False):
            _draw_leader(axes, row, styles[row.variant], place=place, edge=edge)
    for number, group in enumerate(groups, 1):
        means = [row.top1_percent.mean for row in group]
        at = _BAR_STEP * number
        axes.plot([min(means), max(means)], [at, at], color="#333333", linewidth=2.6, solid_capstyle="round", zorder=4)
        axes.plot(means, [at] * len(means), linestyle="none", marker="o", markersize=4.2, color="#333333", zorder=5)
    return figure


def _zipped(
    one: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The sizes of the two labels of each row; the longer side has one label more at most."""
    empty = (0.0, 0.0)
    return [
        (one[index] if index < len(one) else empty, other[index] if index < len(other) else empty)
        for index in range(max(len(one), len(other)))
    ]


def _draw_axis(axes: "Axes", board: Leaderboard, *, depth: float) -> None:
    """Accuracy above, and below it points downwards."""
    means = [row.top1_percent.mean for row in board.rows]
    room = 0.04 * (max(means) - min(means)) or 0.5
    axes.set_xlim(min(means) - room, max(means) + room)
    axes.set_ylim(depth, 0)
    axes.xaxis.set_label_position("top")
    axes.xaxis.tick_top()
    axes.set_xlabel(accuracy_label(board), labelpad=6)
    axes.set_yticks([])
    for name, spine in axes.spines.items():
        spine.set_visible(name == "top")


def _draw_leader(axes: "Axes", row: Row, style: VariantStyle, *, place: float, edge: float) -> None:
    """A line from the axis down to a label's row and out to the label, at the left edge (0) or the right (1)."""
    mean, end = row.top1_percent.mean, axes.get_xlim()[int(edge)]
    axes.plot([mean, mean, end], [0, place, place], color=style.colour, linewidth=1.0, clip_on=False, zorder=3)
    axes.plot(mean, 0, marker="o", markersize=4, color=style.colour, clip_on=False, zorder=5)
    axes.annotate(
        _label(row),
        (edge, place),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        xytext=(5 if edge else -5, 0),
        ha="left" if edge else "right",
        va="center",
        size=_LABEL_SIZE,
        weight="bold" if row.is_baseline else "normal",
        color="#1a1a1a",
        annotation_clip=False,
    )


def _label(row: Row) -> str:
    return f"{label_of(row.variant, is_baseline=row.is_baseline)}  {row.top1_percent.mean:.2f}"


def _caption(board: Leaderboard, groups: Sequence[Sequence[Row]]) -> list[str]:
    found = [difference for difference in board.differences if difference.is_over_seeds]
    size = found[0].family_size
    sentences = [f"Mean top-1 accuracy on the {board.facts.num_test_images:,} test images; {trained(board)}."]
    if groups:
        sentences.append(
            "A bar joins, by its dots, variants that share a rank letter: no two of them are shown to differ, which "
            "does not say that they are alike."
        )
    sentences.append(
        f"Differences are shown by permutation tests over seeds at {100 * ALPHA:.0f} % after Holm's correction for "
        f"{plural(size, 'comparison')} of two variants."
    )
    if not any(difference.can_be_shown for difference in found):
        sentences.append(
            f"With these seeds no difference can be shown in {plural(size, 'comparison')}, however large: that takes "
            f"{fewest_seeds(ALPHA, size)} seeds."
        )
    members = {row.variant for group in groups for row in group}
    alone = [row.variant for row in board.rows if row.variant not in members]
    if alone:
        sentences.append(f"Shown to differ from every other variant: {listed(alone)}.")
    return sentences
