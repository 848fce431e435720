"""Which of a store's leaderboards a command shows."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from attnbench.errors import SpecError
from attnbench.record import Record

BoardNumbers: TypeAlias = Annotated[tuple[int, ...], Parameter(negative=(), show_default=False)]

MANY_BOARDS = 10
"""Leaderboards up to which a terminal shows each of them whole."""


def chosen_boards(groups: Sequence[list[Record]], numbers: tuple[int, ...]) -> list[list[Record]]:
    """The groups of the boards with these numbers, or all where none is given.

    Args:
        groups: What `attnbench.report.comparable` gives.
        numbers: Counted from 1.

    Raises:
        SpecError: If there is no board of a number.
    """
    for number in numbers:
        if not 1 <= number <= len(groups):
            raise SpecError(f"--board must be a number from 1 to {len(groups)}; got {number}")
    return [groups[number - 1] for number in numbers] if numbers else list(groups)
