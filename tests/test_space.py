from typing import Any

import pytest

from attnbench.errors import SpecError
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, common_divisors, describe, finite_values


@pytest.mark.parametrize(
    ("domain", "arguments", "message"),
    [
        (Choices, {"values": ()}, r"at least one value, each named once; got $"),
        (Choices, {"values": ("\x1b[31m",) * 2}, r"each named once; got \\x1b\[31m \| \\x1b\[31m$"),
        (Choices, {"values": (2, 4, 2)}, r"each named once; got 2 \| 4 \| 2"),
        (Choices, {"values": "learnt"}, r"values must be several, as in \(1, 2, 4\); got 'learnt'"),
        (Divisors, {"low": 0}, "1 ≤ low ≤ high; got low=0, high=None"),
        (Divisors, {"low": 8, "high": 4}, "got low=8, high=4"),
        (Divisors, {"low": 2.0}, r"divisors take whole numbers; got 2\.0"),
        (Divisors, {"high": True}, "divisors take whole numbers; got True"),
        (Integers, {"low": 3, "high": 3}, "low < high; got low=3, high=3"),
        (Integers, {"low": 1, "high": 2.5}, r"integers take whole numbers; got 2\.5"),
        (Integers, {"low": 1, "high": 9, "grid": (1, 3.0)}, r"integers take whole numbers; got 3\.0"),
        (Integers, {"low": 0, "high": 9, "log": True}, "log needs a positive low; got low=0"),
        (Floats, {"low": 1, "high": 0}, r"low < high; got low=1\.0, high=0\.0"),
        (Floats, {"low": 0, "high": float("inf")}, "finite bounds, low < high"),
        (Floats, {"low": float("nan"), "high": 1}, "finite bounds, low < high"),
        (Floats, {"low": "0", "high": 1}, "a range takes numbers; got '0'"),
        (Floats, {"low": False, "high": True}, "a range takes numbers; got False"),
        (Floats, {"low": 0, "high": 1, "grid": (0.5, 2)}, r"grid=\[0\.5, 2\.0\] in 0\.0 … 1\.0"),
        (Floats, {"low": 0, "high": 1, "grid": (0.5, 0.5)}, "each named once"),
        (Floats, {"low": 0, "high": 1, "grid": 0.5}, r"grid must be several, as in \(1, 2, 4\); got 0\.5"),
        (Floats, {"low": 0.0, "high": 1.0, "log": True}, r"log needs a positive low; got low=0\.0"),
    ],
)
def test_says_what_is_wrong_with_a_domain(domain: type[Domain], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        domain(**arguments)


def test_lists_are_taken_and_domains_compare_and_hash() -> None:
    assert {Choices([1, 2]), Floats(0, 1, [0, 1]), Integers(1, 9, [1, 3])} == {  # type: ignore[arg-type]
        Choices((1, 2)),
        Floats(0.0, 1.0, (0.0, 1.0)),
        Integers(1, 9, (1, 3)),
    }
    assert Floats(1, 2) != Floats(1, 2, log=True)
    assert Choices((1, 2)) != Choices((2, 1))


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Choices((True, None, (3, 4))), (True, None, (3, 4))),
        (Floats(0, 1, (0.0, 0.5)), (0.0, 0.5)),
        (Integers(1, 100, (1, 50)), (1, 50)),
        (Integers(-1, 2), (-1, 0, 1, 2)),
        (Integers(1, 64), tuple(range(1, 65))),
    ],
)
def test_a_grid_tries_the_values_that_there_are(domain: Domain, values: tuple[object, ...]) -> None:
    assert finite_values("x", domain) == values


@pytest.mark.parametrize("domain", [Floats(0, 1), Integers(1, 65), Divisors()])
def test_a_grid_of_endless_values_is_refused_with_the_remedy(domain: Domain) -> None:
    with pytest.raises(SpecError, match=r"a grid needs the values of x, written as x: \[a, b, c\] or with grid:"):
        finite_values("x", domain)


@pytest.mark.parametrize(
    ("domain", "channels", "values"),
    [
        (Divisors(), (24,), (1, 2, 3, 4, 6, 8, 12, 24)),
        (Divisors(), (24, 36), (1, 2, 3, 4, 6, 12)),
        (Divisors(2, 6), (24, 36), (2, 3, 4, 6)),
        (Divisors(high=100), (7,), (1, 7)),
        (Divisors(7, 7), (7, 49), (7,)),
    ],
)
def test_divisors_divide_every_channel_count(
    domain: Divisors, channels: tuple[int, ...], values: tuple[int, ...]
) -> None:
    assert common_divisors(domain, channels) == Choices(values)


def test_says_where_nothing_divides() -> None:
    message = r"no number in divisors of the channels in 9 … C divides every channel count; got the channels 16, 24$"
    with pytest.raises(SpecError, match=message):
        common_divisors(Divisors(low=9), (24, 16, 24, 16))


@pytest.mark.parametrize(
    ("domain", "words"),
    [
        (Choices(("l1", None, 2.0)), "l1 | none | 2.0"),
        (Divisors(2, 32), "divisors of the channels in 2 … 32"),
        (Divisors(high=32), "divisors of the channels in 1 … 32"),
        (Integers(1, 9, log=True), "1 … 9 (log)"),
    ],
)
def test_describes_a_domain(domain: Domain, words: str) -> None:
    assert describe(domain) == words
