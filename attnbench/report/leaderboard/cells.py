"""What the tables of leaderboards are made of: cells, columns, and the columns of differences."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from attnbench.report.leaderboard.differences import Difference
from attnbench.report.numbers import between, p_value, signed_points

Raw: TypeAlias = str | int | float | None
"""A value as measured; an infinite one is none."""

_DIFFERENCE_KEYS = (
    "top1_difference_percent", "top1_difference_low_percent", "top1_difference_high_percent", "num_shared_seeds",
    "p_value", "p_corrected", "test", "smallest_detectable_percent",
)  # fmt: skip
"""Names of a difference's values as measured."""

STAR, DAGGER = "*", "†"
"""Marks of a difference that is shown over seeds, and of one that is shown for two networks only."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A number of one variant."""

    text: str = ""
    """Rounded; empty where there is none."""
    beside: str = ""
    """What belongs to it: its difference or its uncertainty."""
    raw: tuple[Raw, ...] = ()
    """As measured, in the order of the column's keys."""
    stands_out: bool = False
    """Whether it is the best, and shown to be."""


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """A number of every variant."""

    header: str
    """What it is, with its unit."""
    beside: str = ""
    """What stands beside it."""
    keys: tuple[str, ...] = ()
    """Names of the values as measured, with their units."""
    cells: tuple[Cell, ...]
    """In the order of the table's rows."""
    source: str = ""
    """Whose number it is, where it was not measured here."""
    is_minor: bool = False
    """Whether a narrow terminal leaves it out."""


@dataclass(frozen=True, kw_only=True)
class TablePart:
    """What else was measured of the variants of a leaderboard, as a table of its own below it."""

    name: str
    """What is shown."""
    rows: tuple[str, ...]
    """The variants in the order of the leaderboard, and below them the controls."""
    num_variants: int
    """How many of the rows are variants."""
    groups: tuple[tuple[TableColumn, ...], ...]
    """The columns; those of a group stay beside each other."""
    raw: tuple[TableColumn, ...] = ()
    """What only formats for programs show; its cells have no text, and it has none for controls."""
    notes: tuple[str, ...]
    """What it tells and what it does not, a paragraph each."""

    @property
    def columns(self) -> tuple[TableColumn, ...]:
        """All columns that are shown."""
        return tuple(column for group in self.groups for column in group)


def difference_columns(
    differences: Sequence[Difference | None], *, header: str, prefix: str = "", best: Collection[str] = ()
) -> tuple[TableColumn, TableColumn]:
    """Differences to one variant with their intervals and marks, and their corrected p-values.

    Args:
        differences: In the order of the rows; none for a variant that is not compared.
        header: What the differences are.
        prefix: What the names of the values begin with.
        best: Variants whose difference stands out where it is shown.
    """

    def cell(found: Difference | None) -> Cell:
        if found is None:
            return Cell(raw=(None,) * len(_DIFFERENCE_KEYS))
        return Cell(
            text=signed_points(found.mean) + mark(found),
            beside=between(found.low, found.high),
            raw=(found.mean, found.low, found.high, len(found.seeds), found.test.p_value, found.p_corrected,
                 found.test.method, finite(found.smallest_detectable)),
            stands_out=found.is_shown and found.variant in best,
        )  # fmt: skip

    def p_cell(found: Difference | None) -> Cell:
        return Cell(text="" if found is None else p_value(found.p_corrected))

    keys = tuple(prefix + key for key in _DIFFERENCE_KEYS)
    return (
        TableColumn(header=header, beside="95 %", keys=keys, cells=tuple(map(cell, differences))),
        TableColumn(header="p", beside="Holm", cells=tuple(map(p_cell, differences)), is_minor=True),
    )


def mark(difference: Difference) -> str:
    """What is added to a difference that is shown."""
    if difference.is_shown:
        return STAR
    return DAGGER if difference.is_shown_for_networks else ""


def finite(value: float | None) -> float | None:
    """A number that JSON has; none for an infinite one."""
    return value if value is not None and math.isfinite(value) else None
