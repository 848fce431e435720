"""How variants look in plots: colours, shapes and lines, and their names as labels."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.printable import printable
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.marks import COLOURS, Mark, marks_of

_SHAPES = {
    "circle": "o",
    "square": "s",
    "triangle": "^",
    "diamond": "D",
    "turned-triangle": "v",
    "plus": "P",
    "cross": "X",
    "star": "*",
}
_LINES = {"solid": "-", "dashed": "--", "dash-dotted": "-.", "dotted": ":"}
_LABEL_COLUMNS = 18
"""Characters from which a label gives each setting of a variant its own line."""
_LONGEST_LINE = 30
"""Characters from which a line is folded though no setting starts there."""


@dataclass(frozen=True, kw_only=True)
class VariantStyle:
    """How a variant is drawn."""

    colour: str
    """As ``#rrggbb``."""
    shape: str
    """Marker, in matplotlib's letters."""
    line: str
    """Dashes, in matplotlib's letters."""


def variant_styles(are_baselines: Mapping[str, bool]) -> dict[str, VariantStyle]:
    """A style for each variant, by its name.

    Args:
        are_baselines: Whether each variant is the baseline, which is a black star.
    """
    return styles_of_marks(marks_of(are_baselines))


def styles_of_marks(marks: Mapping[str, Mark]) -> dict[str, VariantStyle]:
    """The style of each variant whose mark is known."""
    return {name: _style(mark) for name, mark in marks.items()}


def board_styles(board: Leaderboard) -> dict[str, VariantStyle]:
    """The style that each variant of a leaderboard has in all of its plots."""
    return variant_styles({row.variant: row.is_baseline for row in board.rows})


def _style(mark: Mark) -> VariantStyle:
    return VariantStyle(
        colour="#000000" if mark.colour is None else COLOURS[mark.colour],
        shape=_SHAPES[mark.shape],
        line=_LINES[mark.line],
    )


def label_of(variant: str, *, is_baseline: bool) -> str:
    """A variant's name as a label, of several lines where it is long."""
    name = printable(variant)
    if len(name) > _LABEL_COLUMNS:
        name = re.sub(r",(?=[^,=]+=)", ",\n", name)  # at each setting, and not within its list of numbers
    lines = [part for line in name.split("\n") for part in textwrap.wrap(line, _LONGEST_LINE) or [""]]
    return "\n".join(lines) + (" (baseline)" if is_baseline else "")
