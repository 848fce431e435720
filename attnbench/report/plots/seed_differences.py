"""The difference to the baseline after every seed of a leaderboard, one row a variant."""

from typing import TYPE_CHECKING

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.cells import mark
from attnbench.report.leaderboard.differences import ALPHA, Difference
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.plotted import DIFFERENCE_LABEL, seed_differences
from attnbench.report.numbers import listed, plural, signed_points
from attnbench.report.plots.board_words import trained
from attnbench.report.plots.figure import framed, text_sizes
from attnbench.report.plots.variants import VariantStyle, board_styles, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
"""Of the letters, in points like all lengths here."""
_LEAST_ROW = 26.0
"""Height of a row whose label has one line."""
_ROW_GAP = 8.0
"""Between the labels of two rows."""
_RIGHT_INCHES = 0.75
"""Room for the mean at the end of each row."""
_INTERVAL_AT = 0.3
"""How far below the middle of its row the interval is, in heights of the row."""
_SEEDS_BETWEEN = (-0.08, 0.34)
"""Between which heights above the middle the seeds stand, the first one highest."""


def why_not(board: Leaderboard) -> str | None:
    """Why a leaderboard has no such plot, in a sentence; none where it has."""
    if board.baseline is None:
        return f"The baseline {board.facts.spec.baseline} has no record, so there are no differences to it."
    if not _compared(board):
        return f"No variant shares a seed with the baseline {board.baseline.variant}, so there are no differences."
    return None


def draw_seed_differences(board: Leaderboard) -> "Figure":
    """The differences as a figure, in the style that matplotlib is set to."""
    rows, styles = _compared(board), board_styles(board)
    labels = [label_of(row.variant, is_baseline=False) for row, _ in rows]
    sizes = text_sizes(labels, size=_LABEL_SIZE)
    heights = [max(_LEAST_ROW, height + _ROW_GAP) for _, height in sizes]
    figure, axes = framed(
        title=heading(board),
        caption=_caption(board, [found for _, found in rows]),
        height=sum(heights) / 72,
        left=max(width for width, _ in sizes) / 72 + 0.25,
        right=_RIGHT_INCHES,
    )
    # The vertical axis counts points downwards, so that the best is the uppermost.
    axes.set_ylim(sum(heights), 0)
    axes.set_xlabel(DIFFERENCE_LABEL)
    axes.grid(visible=True, axis="x")
    axes.set_axisbelow(True)
    axes.axvline(0, color="#555555", linewidth=1.0, zorder=2)
    axes.spines["left"].set_visible(False)
    edges = [sum(heights[:place]) for place in range(len(rows))]
    centres = [edge + height / 2 for edge, height in zip(edges, heights, strict=True)]
    axes.set_yticks(centres, labels, fontsize=_LABEL_SIZE, color="#1a1a1a")
    axes.tick_params(axis="y", length=0)
    for edge in edges[1:]:
        axes.axhline(edge, color="#eeeeee", linewidth=0.6, zorder=1)
    for (row, found), centre, height in zip(rows, centres, heights, strict=True):
        _draw_row(axes, seed_differences(board, row), found, styles[row.variant], centre=centre, height=height)
    low, high = (end(found_end for found_end in ends) for end, ends in zip((min, max), _ends(board), strict=True))
    room = 0.04 * (high - low) or 0.5
    axes.set_xlim(low - room, high + room)
    return figure


def _compared(board: Leaderboard) -> list[tuple[Row, Difference]]:
    return [(row, row.top1_difference) for row in board.rows if row.top1_difference is not None]


def _ends(board: Leaderboard) -> tuple[list[float], list[float]]:
    """What the horizontal axis must hold: seeds, ends of intervals, and zero."""
    seeds = [difference for row, _ in _compared(board) for difference in seed_differences(board, row).values()]
    found = [found for _, found in _compared(board)]
    return [0.0, *seeds, *(one.low for one in found)], [0.0, *seeds, *(one.high for one in found)]


def _draw_row(
    axes: "Axes", seeds: dict[int, float], found: Difference, style: VariantStyle, *, centre: float, height: float
) -> None:
    lowest, highest = _SEEDS_BETWEEN
    step = (highest - lowest) / max(1, len(seeds) - 1)
    places = [centre - height * (highest - step * place) for place in range(len(seeds))]
    axes.plot(
        list(seeds.values()),
        places if len(seeds) > 1 else [centre - height * (lowest + highest) / 2],
        linestyle="none",
        marker="o",
        markersize=3.6,
        markerfacecolor=style.colour,
        markeredgecolor="none",
        alpha=0.65,
        zorder=4,
    )
    at = centre + _INTERVAL_AT * height
    axes.plot([found.low, found.high], [at, at], color=style.colour, linewidth=1.8, zorder=3)
    axes.plot(found.mean, at, marker="D", markersize=4.6, color=style.colour, zorder=5)
    axes.text(
        1.015,
        centre,
        f"{signed_points(found.mean)} {mark(found)}".rstrip(),
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        size=_LABEL_SIZE,
        weight="bold" if found.is_shown else "normal",
    )


def _caption(board: Leaderboard, differences: list[Difference]) -> list[str]:
    images = f"{board.facts.num_test_images:,} test images"
    sentences = [
        f"Dots are seeds: accuracy on the {images} less that of the baseline "
        f"{board.facts.spec.baseline} after the same seed, the first seed above; {trained(board)}.",
    ]
    if any(found.is_over_seeds for found in differences):
        size = plural(differences[0].family_size, "comparison")
        sentences += [
            "Diamonds and numbers are means over seeds, lines their 95 % intervals over seeds and test images, each of "
            "one comparison alone.",
            f"* passes a permutation test over seeds at {100 * ALPHA:.0f} % after Holm's correction for {size}.",
        ]
    if any(not found.is_over_seeds for found in differences):
        sentences.append(
            "Of one seed a line is the 95 % interval over test images alone; † says that its two networks differ on "
            "these, by McNemar's test, and nothing of other seeds."
        )
    alone = [row.variant for row in board.rows if row.top1_difference is None and not row.is_baseline]
    if alone:
        sentences.append(f"No seed shared with the baseline, so not drawn: {listed(alone)}.")
    return sentences
