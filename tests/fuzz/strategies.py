"""Input that nobody meant: any text, any bytes, and valid values in which something was changed."""

import copy
import json
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

NUMBERS: list[Any] = [
    0, 1, -1, 2, 7, 2**31, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400,
    -0.0, 0.5, 1e-320, 1e10, 1e18, 1e300, -1e308, float("inf"), float("-inf"), float("nan"),
]  # fmt: skip
TEXTS: list[Any] = [
    "", " ", "a", "none", "true", "1", "1e5", "08", "2030-13-45", "sge:groups=4", "x:a=1,2", "x:", ":", "=", ",", "~",
    "\x00", "\x1b[31m", "\u202e", "\ud800", "é", "<script>", "[red]", "{{7*7}}", "../..", "a\nb", "9" * 500,
    "x:a=" + "9" * 5_000,
]  # fmt: skip
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [None], {"": None}, {"a": {"b": []}}, ["a", 1]]


def any_value() -> st.SearchStrategy[Any]:
    """A value of any kind that JSON knows, odd ones above all."""
    return st.sampled_from([*NUMBERS, *TEXTS, *OTHERS])


def any_json() -> st.SearchStrategy[Any]:
    """Any JSON."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    return st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner), max_leaves=8
    )


@st.composite
def changed(draw: st.DrawFn, *valid: Any) -> Any:
    """One of several valid values with one to three changes: parts replaced, left out, repeated or wrapped."""
    value = copy.deepcopy(draw(st.sampled_from(valid)))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            break
        *parents, last = draw(st.sampled_from(places))
        part = value
        for key in parents:
            part = part[key]
        change = draw(st.sampled_from(["replace", "replace", "replace", "delete", "repeat", "wrap", "add"]))
        # A copy, or the next change would be made in the list that all inputs are drawn from.
        _change(part, last, change, copy.deepcopy(draw(_like(part[last]) | any_value())))
    return value


def as_json(value: Any) -> bytes:
    """JSON of a value; broken characters are escaped, as YAML and JSON can write them."""
    return json.dumps(value).encode()


def _like(value: Any) -> st.SearchStrategy[Any]:
    """Odd values of the same kind, which get further than others."""
    if isinstance(value, bool) or value is None:
        return any_value()
    if isinstance(value, int | float):
        return st.sampled_from(NUMBERS) | (st.integers(-3, 300) if isinstance(value, int) else st.floats())
    if isinstance(value, str):
        return st.sampled_from(TEXTS) | st.text(max_size=30)
    if isinstance(value, list):
        return st.sampled_from([[], value[:1], value[:-1], value * 2, value[::-1]])
    return st.sampled_from([{}, dict(list(value.items())[:1]), {**value, "later": 1}])


def _change(part: Any, last: Any, change: str, other: Any) -> None:
    if change == "delete":
        del part[last]
    elif change == "repeat" and isinstance(part, list):
        part.append(copy.deepcopy(part[last]))
    elif change == "add" and isinstance(part, dict):
        part["later"] = other
    elif change == "wrap":
        part[last] = [part[last]]
    else:
        part[last] = other


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a value; of a long list to the first few."""
    parts: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list):
        parts = list(enumerate(value[:4]))
    for key, part in parts:
        yield (*above, key)
        yield from _places(part, (*above, key))
