"""Numbers as text: the only place where results are rounded."""

import math
from collections.abc import Iterable

from attnbench.stats import Interval


def signed_count(value: int) -> str:
    """A difference of counts.

    >>> signed_count(5184), signed_count(-12), signed_count(0)
    ('+5,184', '−12', '0')
    """
    return _minus(f"{value:+,}") if value else "0"


def signed_number(value: float) -> str:
    """A difference, with two decimals or as many as show two digits of it.

    >>> signed_number(0.00071), signed_number(-12.345), signed_number(0.0)
    ('+0.00071', '−12.35', '0')
    """
    if not value:
        return "0"
    decimals = max(2, 1 - math.floor(math.log10(abs(value))))
    return _minus(f"{value:+,.{decimals}f}")


def unsigned_number(value: float) -> str:
    """A number that is not negative, with two decimals or as many as show two digits of it.

    >>> unsigned_number(0.00071), unsigned_number(12.345), unsigned_number(0.0)
    ('0.00071', '12.35', '0')
    """
    return signed_number(value).removeprefix("+")


def signed_points(value: float, *, decimals: int = 2) -> str:
    """A difference of percentages.

    >>> signed_points(0.514), signed_points(-0.001)
    ('+0.51', '0.00')
    """
    text, zero = f"{value:+.{decimals}f}", f"{0:.{decimals}f}"
    return zero if text[1:] == zero else _minus(text)


def half_width(interval: Interval) -> str:
    """What follows the ± of an interval; a dash for a single seed.

    >>> half_width(Interval(85.0, 0.434, 3, 0.95)), half_width(Interval(85.0, None, 1, 0.95))
    ('± 0.43', '± –')
    """
    return "± –" if interval.half_width is None else f"± {interval.half_width:.2f}"


def between(low: float, high: float, *, decimals: int = 2) -> str:
    """An interval of points by its ends.

    An end that is rounded to 0 keeps its sign, which says whether the interval holds 0.

    >>> between(-0.514, 1.2), between(-0.3, -0.001), between(0.0, 0.7)
    ('[−0.51, +1.20]', '[−0.30, −0.00]', '[0.00, +0.70]')
    """
    ends = (_minus(f"{end:+.{decimals}f}") if end else f"{0:.{decimals}f}" for end in (low, high))
    return f"[{', '.join(ends)}]"


def p_value(value: float) -> str:
    """A p-value with two digits, or three decimals if there are more.

    >>> p_value(0.0312), p_value(0.25), p_value(1.0), p_value(0.0004)
    ('0.031', '0.25', '1.00', '<0.001')
    """
    if value < 0.001:
        return "<0.001"
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def macs_unit(macs: int) -> tuple[str, float]:
    """The unit in which a table gives its MACs, and its size, by the table's largest number.

    >>> macs_unit(41_000_000), macs_unit(4_100_000_000)
    (('MMACs', 1000000.0), ('GMACs', 1000000000.0))
    """
    return ("GMACs", 1e9) if macs >= 1e9 else ("MMACs", 1e6)


def byte_unit(num_bytes: float) -> tuple[str, float]:
    """The unit in which a table gives its bytes, and its size, by the table's largest number.

    >>> byte_unit(41_000), byte_unit(41_000_000), byte_unit(410_000_000_000)
    (('kB', 1000.0), ('MB', 1000000.0), ('GB', 1000000000.0))
    """
    if num_bytes < 1e6:
        return "kB", 1e3
    return ("MB", 1e6) if num_bytes < 1e11 else ("GB", 1e9)


def four_digits(value: float) -> str:
    """A measured number with four digits.

    >>> four_digits(0.01234), four_digits(1.5), four_digits(123.456), four_digits(12345.6)
    ('0.01234', '1.500', '123.5', '12,346')
    """
    if not value:
        return "0"
    decimals = max(0, 3 - math.floor(math.log10(abs(value))))
    return _minus(f"{value:,.{decimals}f}")


def signed_percent(value: float, base: float) -> str:
    """A difference as a part of what it is added to.

    >>> signed_percent(29.0, 4100.0), signed_percent(0.0, 1.0)
    ('+0.71 %', '0 %')
    """
    return f"{signed_number(100 * value / base)} %" if base else "–"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them.

    >>> duration(42.4), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def plural(number: int, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "seed"), plural(10_000, "seed")
    ('1 seed', '10,000 seeds')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def plural_range(numbers: Iterable[int], noun: str) -> str:
    """The fewest and the most of some numbers, with their noun.

    >>> plural_range([3, 3], "seed"), plural_range([3, 1, 2], "seed")
    ('3 seeds', '1 to 3 seeds')
    """
    low, high = min(found := list(numbers)), max(found)
    return plural(high, noun) if low == high else f"{low:,} to {plural(high, noun)}"


def listed(words: list[str]) -> str:
    """Words with commas and a last "and"; semicolons where a word has commas itself.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed(["x:k=1,l=2", "y"])
    ('a', 'a, b and c', 'x:k=1,l=2; y')
    """
    if any("," in word for word in words):
        return "; ".join(words)
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)


def _minus(text: str) -> str:
    return text.replace("-", "−")
