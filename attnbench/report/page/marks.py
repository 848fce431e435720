"""How the page draws each variant: a class of page.css and a shape of marks.js."""

from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.marks import board_marks


@dataclass(frozen=True, kw_only=True)
class PageMark:
    """A colour and a shape, those of the plot files."""

    colour: str
    """Class of page.css. The baseline's is black on white and white on black, unlike all others."""
    shape: str
    """Name of a path in marks.js."""


def page_marks(board: Leaderboard) -> Mapping[str, PageMark]:
    """The mark of each variant of a leaderboard."""
    return {
        name: PageMark(
            colour="colour-baseline" if mark.colour is None else f"colour-{mark.colour}",
            shape=mark.shape,
        )
        for name, mark in board_marks(board).items()
    }
