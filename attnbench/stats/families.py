"""Many comparisons at once: Holm's correction, and letters for what cannot be told apart.

S. Holm: "A Simple Sequentially Rejective Multiple Test Procedure" (1979),
https://www.jstor.org/stable/4615733, holds the chance of even one false discovery in the family
to the level, however the tests depend on each other: of m tests sorted by p,

    adjusted_(k) = max over j ≤ k of min(1, (m − j + 1) p_(j))

statsmodels' `multipletests` gives the same, and takes a second to import that a report has not.

H.-P. Piepho: "An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons" (2004),
https://doi.org/10.1198/1061860043515, gives every variant letters so that two share one exactly if
they do not differ. One column holds all at first; each differing pair splits the columns that
hold both (insert), and a column within another goes (absorb).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import SpecError

_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def holm_adjusted(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values: one at most the level passes the correction at that level.

    Args:
        p_values: Of all tests of the family, in any order.

    Returns:
        The adjusted ones, in the same order.

    Raises:
        SpecError: If a p-value lies outside [0, 1].

    >>> holm_adjusted([0.01, 0.5, 0.03])
    [0.03, 0.5, 0.06]
    """
    given = np.array(p_values, dtype=np.float64)
    fits = (given >= 0) & (given <= 1)
    if not fits.all():
        raise SpecError(f"p-values must lie in [0, 1]; got {float(given[~fits][0])!r} among them")
    order = np.argsort(given, kind="stable")
    factors = np.arange(len(given), 0, -1)
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * given[order]))
    return [float(value) for value in adjusted]


def rank_letters(differs: NDArray[np.bool_]) -> list[str]:
    """Letters of variants, so that two share one exactly if they cannot be told apart.

    Args:
        differs: Whether each two differ, (num_variants, num_variants), symmetric. In the order of
            the table, best first; the first letters then go to the best.

    Returns:
        One string a variant, its letters sorted; after z follow a1, b1 …, a2 …

    Raises:
        SpecError: If the matrix is not square and symmetric, or says that a variant differs from itself.

    >>> rank_letters(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], dtype=bool))
    ['a', 'ab', 'b']
    """
    differs = np.asarray(differs, dtype=np.bool_)
    if differs.ndim != 2 or not np.array_equal(differs, differs.T) or differs.diagonal().any():
        raise SpecError(
            "who differs must be a square, symmetric matrix without its diagonal; "
            f"got shape {differs.shape}: {differs.tolist()}"
        )
    columns = sorted(_columns(differs), key=sorted)
    names = [_letter(index) for index in range(len(columns))]
    return [
        "".join(name for name, column in zip(names, columns, strict=True) if variant in column)
        for variant in range(len(differs))
    ]


def _columns(differs: NDArray[np.bool_]) -> list[frozenset[int]]:
    """The largest sets of variants of which no two differ."""
    columns = [frozenset(range(len(differs)))] if len(differs) else []
    for first, second in np.argwhere(np.triu(differs)).tolist():
        split = [column - {gone} for column in columns if {first, second} <= column for gone in (first, second)]
        kept = [column for column in columns if not {first, second} <= column]
        columns = _absorbed(kept + split)
    return columns


def _absorbed(columns: list[frozenset[int]]) -> list[frozenset[int]]:
    """The columns that lie in no other."""
    distinct = set(columns)
    return [column for column in distinct if not any(column < other for other in distinct)]


def _letter(index: int) -> str:
    """The letters a … z, a1 … z1, a2 … by index."""
    rounds, place = divmod(index, len(_ALPHABET))
    return _ALPHABET[place] + (str(rounds) if rounds else "")
