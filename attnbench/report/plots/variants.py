"""How variants look in plots: colours, shapes and lines, and their names as labels."""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.text import printable

# M. Okabe and K. Ito's colours for the colour-blind, without yellow, which is too light for lines.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_SHAPES = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", "-.", ":")
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


_BASELINE = VariantStyle(colour="#000000", shape="*", line="-")


def variant_styles(are_baselines: Sequence[bool]) -> list[VariantStyle]:
    """A style for each variant; no two are alike in colour and shape among the first forty-two.

    Args:
        are_baselines: Whether each is the baseline, which is a black star.
    """
    others = (
        VariantStyle(
            colour=_COLOURS[number % len(_COLOURS)],
            shape=_SHAPES[number % len(_SHAPES)],
            line=_LINES[number // len(_COLOURS) % len(_LINES)],
        )
        for number in count()
    )
    return [_BASELINE if is_baseline else next(others) for is_baseline in are_baselines]


def board_styles(board: Leaderboard) -> dict[str, VariantStyle]:
    """The style that each variant of a leaderboard has in all of its plots."""
    styles = variant_styles([row.is_baseline for row in board.rows])
    return {row.variant: style for row, style in zip(board.rows, styles, strict=True)}


def label_of(variant: str, *, is_baseline: bool) -> str:
    """A variant's name as a label, of several lines where it is long."""
    name = printable(variant)
    if len(name) > _LABEL_COLUMNS:
        name = re.sub(r",(?=[^,=]+=)", ",\n", name)  # at each setting, and not within its list of numbers
    lines = [part for line in name.split("\n") for part in textwrap.wrap(line, _LONGEST_LINE) or [""]]
    return "\n".join(lines) + (" (baseline)" if is_baseline else "")
