"""Rank letters, by which a table draws ties."""

import re
from collections.abc import Sequence

import numpy as np

from attnbench.report.leaderboard.differences import Difference
from attnbench.stats import rank_letters


def letters(names: Sequence[str], differences: Sequence[Difference]) -> list[str]:
    """Rank letters of variants: two share one exactly if no difference between them is shown.

    Args:
        names: The variants, best first.
        differences: All pairs.

    Returns:
        One string a variant, in the order of `names`; empty for one that was compared with no other over seeds.
    """
    over_seeds = [found for found in differences if found.is_over_seeds]
    compared = {name for found in over_seeds for name in (found.variant, found.other)}
    places = {name: place for place, name in enumerate(name for name in names if name in compared)}
    differs = np.zeros((len(places), len(places)), dtype=np.bool_)
    for found in over_seeds:
        one, other = places[found.variant], places[found.other]
        differs[one, other] = differs[other, one] = found.is_shown
    given = rank_letters(differs)
    return [given[places[name]] if name in places else "" for name in names]


def share_letter(one: str, other: str) -> bool:
    """Whether two variants' rank letters have one in common."""
    return bool(letter_set(one) & letter_set(other))


def letter_set(rank: str) -> set[str]:
    """The letters of a variant's rank."""
    return set(re.findall(r"[a-z]\d*", rank))
