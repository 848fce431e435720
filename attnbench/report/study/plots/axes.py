"""Where the values of a setting lie on an axis, and what stands at its ticks."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from attnbench.space import Choices, Divisors, Domain, Integers
from attnbench.study import StudySummary
from attnbench.variant import format_setting

_LOGARITHMIC = 8
"""Largest choice over smallest from which numbers that are all choices lie by their ratios."""
_MOST_TICKS = 12
"""Choices up to which each has a tick."""
_MOST_NUMBERS = 5
"""Steps between the ticks of other numbers."""


@dataclass(frozen=True, kw_only=True)
class SettingAxis:
    """The axis of one setting."""

    low: float
    """Smallest position."""
    high: float
    """Largest one; not the smallest."""
    is_logarithmic: bool
    """Whether equal lengths are equal ratios."""
    ticks: tuple[tuple[float, str], ...]
    """Positions and their text; empty where any numbers will do."""
    is_whole: bool = False
    """Whether there is nothing between whole numbers."""
    places: dict[str, float] | None = None
    """Positions by text, where values are not numbers."""

    def position(self, value: object) -> float:
        """Where a value of a trial lies."""
        if self.places is not None:
            return self.places[format_setting(value)]  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]

    def height(self, position: float) -> float:
        """A position between the ends of the axis, from 0 to 1."""
        at = math.log if self.is_logarithmic else float
        return (at(position) - at(self.low)) / (at(self.high) - at(self.low))

    def shown_ticks(self) -> list[tuple[float, str]]:
        """The ticks, or those that suit numbers between the ends."""
        if self.ticks:
            return list(self.ticks)
        from matplotlib.ticker import LogLocator, MaxNLocator

        steps = MaxNLocator(_MOST_NUMBERS, steps=(1, 2, 5, 10), integer=self.is_whole)
        locator = LogLocator(subs=(1, 2, 5)) if self.is_logarithmic else steps
        values = [float(value) for value in locator.tick_values(self.low, self.high)]
        return [(value, f"{value:.10g}") for value in values if self.low <= value <= self.high]


def setting_axis(name: str, summary: StudySummary) -> SettingAxis:
    """The axis of a setting: numbers by their size, words and lists side by side."""
    domain = summary.spec.space[name]
    assert not isinstance(domain, Divisors), "a space is resolved to the backbone before it is searched"
    if not isinstance(domain, Choices):
        return SettingAxis(
            low=float(domain.low),
            high=float(domain.high),
            is_logarithmic=domain.log,
            ticks=(),
            is_whole=isinstance(domain, Integers),
        )
    numbers = _numbers(domain)
    if numbers is None:
        texts = [format_setting(value) for value in domain.values]
        return SettingAxis(
            low=0.0,
            high=max(1.0, len(texts) - 1.0),
            is_logarithmic=False,
            ticks=tuple((float(place), text) for place, text in enumerate(texts)),
            places={text: float(place) for place, text in enumerate(texts)},
        )
    low, high = min(numbers), max(numbers)
    return SettingAxis(
        low=low,
        high=high if high > low else low + 1,
        is_logarithmic=low > 0 and high >= _LOGARITHMIC * low,
        ticks=tuple((number, f"{number:g}") for number in sorted(numbers)) if len(numbers) <= _MOST_TICKS else (),
    )


def _numbers(domain: Domain) -> Sequence[float] | None:
    """The choices as numbers; none where some are words, lists or truth values."""
    assert isinstance(domain, Choices)
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values)
    return [float(value) for value in domain.values] if are_numbers else None  # type: ignore[arg-type]
