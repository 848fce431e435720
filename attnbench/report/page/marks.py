"""How each variant is drawn: one colour and one shape, the same in all plots of a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from attnbench.report.leaderboard.board import Leaderboard

_COLOURS = tuple(f"colour-{number}" for number in range(6))
"""Classes of page.css, which gives them the colours of the other plots."""
_SHAPES = ("circle", "square", "triangle", "diamond", "turned-triangle", "plus", "cross")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A colour and a shape."""

    colour: str
    """Class of page.css."""
    shape: str
    """Name of a path in marks.js."""


BASELINE = Mark(colour="colour-baseline", shape="star")
"""Black on white and white on black, unlike all others."""


def marks_of(boards: Sequence[Leaderboard]) -> dict[str, Mark]:
    """A mark of each variant that is not everywhere the baseline; no two of the first forty-two are alike."""
    names = sorted({row.variant for board in boards for row in board.rows if not row.is_baseline})
    return {
        name: Mark(colour=colour, shape=shape)
        for name, colour, shape in zip(names, cycle(_COLOURS), cycle(_SHAPES), strict=False)
    }
