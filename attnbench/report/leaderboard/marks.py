"""How variants look in plots, whoever draws them: a colour, a shape and a line, by the variant's name."""

from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.report.leaderboard.board import Leaderboard

# M. Okabe and K. Ito's colours for the colour-blind, without yellow, which is too light for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Colours of all variants but the baseline."""
SHAPES = ("circle", "square", "triangle", "diamond", "turned-triangle", "plus", "cross")
"""Shapes of all variants but the baseline."""
LINES = ("solid", "dashed", "dash-dotted", "dotted")
"""Lines, of which each is in all colours before the next."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How a variant is drawn."""

    colour: int | None
    """Which of `COLOURS`; none for the baseline, which has the colour of the text."""
    shape: str
    """One of `SHAPES`, or ``star`` for the baseline."""
    line: str
    """One of `LINES`."""


_BASELINE = Mark(colour=None, shape="star", line="solid")


def marks_of(are_baselines: Mapping[str, bool]) -> dict[str, Mark]:
    """The mark of each variant; no two are alike in colour and shape among the first forty-two.

    They go by the sorted names, so that they are the same in every plot, whatever it sorts by.

    Args:
        are_baselines: Whether each variant is the baseline.
    """
    others = sorted(name for name, is_baseline in are_baselines.items() if not is_baseline)
    marks = {
        name: Mark(
            colour=number % len(COLOURS),
            shape=SHAPES[number % len(SHAPES)],
            line=LINES[number // len(COLOURS) % len(LINES)],
        )
        for number, name in enumerate(others)
    }
    return {name: marks.get(name, _BASELINE) for name in are_baselines}


def board_marks(board: Leaderboard) -> dict[str, Mark]:
    """The mark that each variant of a leaderboard has in all of its plots, in the page and in files."""
    return marks_of({row.variant: row.is_baseline for row in board.rows})
