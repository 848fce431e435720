"""Columns of scores beside the accuracy, and what is said of their differences."""

from collections.abc import Sequence

from attnbench.report.leaderboard.cells import DAGGER, STAR, Cell, TableColumn, finite, mark
from attnbench.report.leaderboard.differences import ALPHA, Difference
from attnbench.report.leaderboard.scores import Score
from attnbench.report.numbers import between, listed, plural, signed_points
from attnbench.stats import fewest_seeds

_KEYS = (
    "difference_percent", "difference_low_percent", "difference_high_percent", "num_shared_seeds", "p_value",
    "p_corrected", "test",
)  # fmt: skip
"""Names of a difference's values as measured, after that of the score."""


def score_column(scores: Sequence[Score | None], *, header: str, key: str) -> TableColumn:
    """Means with half the width of their intervals.

    Args:
        scores: In the order of the rows; none where a row has none.
        header: What they are, with the unit.
        key: What the names of the values begin with.
    """
    names = (f"{key}_percent", f"{key}_low_percent", f"{key}_high_percent")
    return TableColumn(header=header, beside="± 95 %", keys=names, cells=tuple(map(score_cell, scores)))


def score_cell(score: Score | None) -> Cell:
    """A mean with half the width of its interval, or its ends where they are not as far; empty for none."""
    if score is None:
        return Cell(raw=(None,) * 3)
    if not score.is_central:
        ends = f"[{score.low:.2f}, {score.high:.2f}]"
        return Cell(text=f"{score.percent:.2f}", beside=ends, raw=(score.percent, score.low, score.high))
    return Cell(
        text=f"{score.percent:.2f}",
        beside="± –" if score.half_width is None else f"± {score.half_width:.2f}",
        raw=(score.percent, score.low, score.high),
    )


def score_difference_column(scores: Sequence[Score | None], *, key: str) -> TableColumn:
    """Differences to the baseline with their intervals and marks.

    Args:
        scores: In the order of the rows; none where a row has none.
        key: What the names of the values begin with.
    """

    def cell(found: Difference | None) -> Cell:
        if found is None:
            return Cell(raw=(None,) * len(_KEYS))
        return Cell(
            text=signed_points(found.mean) + mark(found),
            beside=between(found.low, found.high),
            raw=(found.mean, found.low, found.high, len(found.seeds), finite(found.test.p_value), found.p_corrected,
                 found.test.method),
        )  # fmt: skip

    return TableColumn(
        header="Δ",
        beside="95 %",
        keys=tuple(f"{key}_{name}" for name in _KEYS),
        cells=tuple(cell(None if score is None else score.difference) for score in scores),
    )


def intervals_line(scores: Sequence[Score]) -> str:
    """What the intervals are over; of one seed that they say nothing of others."""
    numbers = {len(score.seeds) for score in scores}
    ends = "in brackets are its ends where the mean is not in its middle."
    if numbers == {1}:
        return (
            "± is half the width of a 95 % interval over test images alone, of the networks of one seed: what another "
            f"seed would give is not known; {ends}"
        )
    alone = " (of one seed over test images alone)" if 1 in numbers else ""
    return f"± is half the width of a 95 % interval over seeds and test images{alone}; {ends}"


def differences_line(families: Sequence[Sequence[Difference]]) -> str:
    """How differences are tested, and what their marks mean; nothing where there are none.

    Args:
        families: Differences to the baseline, those of one column together.
    """
    found = [difference for family in families for difference in family]
    if not found:
        return ""
    over_seeds = [difference for difference in found if difference.is_over_seeds]
    tests = [f"{STAR} passes a permutation test over seeds"] if over_seeds else []
    if len(over_seeds) < len(found):
        tests.append(f"{DAGGER} passes Student's paired t test over images, and says nothing of other seeds")
    size = max(difference.family_size for difference in found)
    each = " of each column alone" if len(families) > 1 else ""
    text = (
        f"Δ is to the baseline {found[0].other}, in points, with its 95 % interval in brackets; {listed(tests)}, at "
        f"{100 * ALPHA:.0f} % after Holm's correction for the {plural(size, 'comparison')}{each}."
    )
    if over_seeds and not any(difference.can_be_shown for difference in over_seeds):
        needed = fewest_seeds(ALPHA, over_seeds[0].family_size)
        text += f" With these seeds no star is possible, however large a difference is: that takes {needed} seeds."
    return text
