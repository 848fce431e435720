"""Axes of the page's plots: from where to where, and what stands at their ticks."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from attnbench.stats import Interval

_LOGARITHMIC = 8.0
"""Largest value over smallest from which an axis may be logarithmic."""
_MOST_BAR = 1.5
"""How far bars may widen an axis beyond the means, in parts of what the means span."""
_ROOM = 0.08
"""Room at both ends, in parts of what the values span."""
_MOST_TICKS = 6


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis, in the unit of the values as measured."""

    label: str
    """What it shows, with its unit."""
    low: float
    """Value at its start."""
    high: float
    """Value at its end."""
    is_logarithmic: bool
    """Whether equal lengths are equal ratios."""
    ticks: tuple[tuple[float, str], ...]
    """Values and their text."""


def axis(label: str, values: Iterable[float], *, size: float = 1.0, may_be_logarithmic: bool = False) -> Axis:
    """The axis that has room for some values.

    Args:
        label: What it shows, with its unit.
        values: What must lie on it, at least one.
        size: What the ticks' numbers are divided by.
        may_be_logarithmic: Whether it is so where the values lie far apart.

    >>> axis("points", [0.0, 1.0]).ticks
    ((0.0, '0.0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1.0'))
    """
    found = list(values)
    low, high = min(found), max(found)
    if may_be_logarithmic and low > 0 and high > _LOGARITHMIC * low:
        room = (high / low) ** _ROOM
        low, high = low / room, high * room
        ticks = tuple((at * size, f"{at:g}") for at in _logarithmic_ticks(low / size, high / size))
        return Axis(label=label, low=low, high=high, is_logarithmic=True, ticks=ticks)
    room = _ROOM * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - room, high + room
    return Axis(label=label, low=low, high=high, is_logarithmic=False, ticks=_ticks(low, high, size))


def epoch_axis(num_epochs: int) -> Axis:
    """Epochs, counted from 1, with whole numbers at the ticks."""
    step = max(1, round(_step(num_epochs)))
    ticks = sorted({1, *range(step, num_epochs + 1, step)})
    return Axis(
        label="epoch",
        low=1.0 if num_epochs > 1 else 0.5,
        high=float(num_epochs) if num_epochs > 1 else 1.5,
        is_logarithmic=False,
        ticks=tuple((float(at), str(at)) for at in ticks),
    )


def percent_axis(label: str) -> Axis:
    """From 0 to 100."""
    ticks = tuple((float(at), str(at)) for at in range(0, 101, 20))
    return Axis(label=label, low=0.0, high=100.0, is_logarithmic=False, ticks=ticks)


def accuracy_axis(label: str, intervals: Iterable[Interval]) -> Axis:
    """Top-1 accuracy, or AP; bars of few seeds go on beyond it, so that the means do not fall into one."""
    found = [(interval.mean, interval.half_width or 0.0) for interval in intervals]
    low, high = min(mean for mean, _ in found), max(mean for mean, _ in found)
    span = high - low
    ends = (min(mean - half for mean, half in found), max(mean + half for mean, half in found))
    if span:
        ends = max(ends[0], low - _MOST_BAR * span), min(ends[1], high + _MOST_BAR * span)
    return axis(label, ends)


def _ticks(low: float, high: float, size: float) -> tuple[tuple[float, str], ...]:
    step = _step((high - low) / size)
    decimals = max(0, -math.floor(math.log10(step)))
    first, last = math.ceil(low / size / step), math.floor(high / size / step)
    values = [round(count * step, decimals) for count in range(first, last + 1)]
    return tuple((value * size, f"{value:,.{decimals}f}".replace("-", "−")) for value in values)


def _step(span: float) -> float:
    """The smallest of 1, 2 or 5 times a power of ten that gives no more than the most ticks."""
    power = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    return next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= _MOST_TICKS)


def _logarithmic_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if high < 1000 * low else (1,)
    return [factor * 10.0**power for power in powers for factor in factors if low <= factor * 10.0**power <= high]
