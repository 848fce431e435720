"""How the page draws each variant: a class of page.css and a shape of marks.js."""

from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.report.leaderboard.marks import Mark


@dataclass(frozen=True, kw_only=True)
class PageMark:
    """A colour and a shape, those of the plot files."""

    colour: str
    """Class of page.css. The baseline's is black on white and white on black, unlike all others."""
    shape: str
    """Name of a path in marks.js."""


def page_marks(marks: Mapping[str, Mark]) -> Mapping[str, PageMark]:
    """The mark of each variant of a board, from those of the plot files."""
    return {name: page_mark(mark) for name, mark in marks.items()}


def page_mark(mark: Mark) -> PageMark:
    """How the page draws what the plot files draw so."""
    colour = "colour-baseline" if mark.colour is None else f"colour-{mark.colour}"
    return PageMark(colour=colour, shape=mark.shape)
