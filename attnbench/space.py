"""What a setting may be: the space that tuning searches and that an ablation walks through.

A module declares its space beside its constructor, for those of its settings that are worth searching:

    class SpatialGroupEnhance(nn.Module):
        search_space: ClassVar[SearchSpace] = {
            "groups": Divisors(),
            "gate_scale_init": Floats(0.0, 1.0, grid=(0.0, 1.0)),
            "normalize": Choices((True, False)),
        }

A file for ``--space`` says the same in YAML; `attnbench.space_io` reads and writes it:

    groups: divisors                                        # Divisors()
    groups: {divisors: {low: 2, high: 32}}                  # Divisors(2, 32); either bound may be left out
    normalize: [true, false]                                # Choices
    stages: [[1], [2, 3]]                                   # Choices of lists of whole numbers
    kernel_size: {low: 1, high: 9, grid: [1, 5, 9]}         # Integers: both bounds are whole, without a point
    gate_scale_init: {low: 0.0, high: 1.0, grid: [0.0, 1.0]}
    recipe.learning_rate: {low: 0.01, high: 0.3, log: true}
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from attnbench.errors import SpecError
from attnbench.printable import one_line, shown
from attnbench.spec_rules import check_value
from attnbench.variant import Setting, format_setting

_MOST_VALUES = 64


@dataclass(frozen=True)
class Choices:
    """One of a few values, none of which is nearer to another."""

    values: tuple[Setting, ...]
    """The values."""

    def __post_init__(self) -> None:
        _keep_tuple(self, "values")
        for value in self.values:
            check_value("a choice", value)
        texts = [format_setting(value) for value in self.values]
        if not texts or len(set(texts)) < len(texts):
            got = one_line(_listed(self.values))
            raise SpecError(f"choices must be at least one value, each named once; got {got}")


@dataclass(frozen=True)
class Divisors:
    """A whole number that divides every channel count that the module meets in the backbone."""

    low: int = 1
    """Smallest."""
    high: int | None = None
    """Largest; none: the greatest common divisor of the channel counts."""

    def __post_init__(self) -> None:
        _check_whole("divisors", self.low, 1 if self.high is None else self.high)
        if self.low < 1 or (self.high is not None and self.high < self.low):
            raise SpecError(f"divisors need 1 ≤ low ≤ high; got low={self.low}, high={self.high}")


@dataclass(frozen=True, kw_only=True)
class _Scale:
    log: bool = False
    """Whether ratios count and not differences, so that each factor of ten gets the same share of the trials."""


@dataclass(frozen=True)
class Integers(_Scale):
    """A whole number within bounds."""

    low: int
    """Smallest."""
    high: int
    """Largest."""
    grid: tuple[int, ...] = ()
    """Values that an ablation and the grid sampler try; empty: all of them."""

    def __post_init__(self) -> None:
        _keep_tuple(self, "grid")
        _check_whole("integers", self.low, self.high, *self.grid)
        _check_bounds(self)


@dataclass(frozen=True)
class Floats(_Scale):
    """A number within bounds."""

    low: float
    """Smallest."""
    high: float
    """Largest."""
    grid: tuple[float, ...] = ()
    """Values that an ablation and the grid sampler try."""

    def __post_init__(self) -> None:
        _keep_tuple(self, "grid")
        for number in (self.low, self.high, *self.grid):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise SpecError(f"a range takes numbers; got {shown(number)}")
            if isinstance(number, int):  # more of them than floats hold
                check_value("a bound", number)
        for name in ("low", "high"):  # 1 and 1.0 are one space
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "grid", tuple(map(float, self.grid)))
        _check_bounds(self)


Domain: TypeAlias = Choices | Divisors | Integers | Floats
"""What one setting may be."""

SearchSpace: TypeAlias = Mapping[str, Domain]
"""What each searched setting may be, by its name."""


def finite_values(name: str, domain: Domain) -> tuple[Setting, ...]:
    """The values of a domain that a grid tries.

    Args:
        name: The setting, for the message.
        domain: Resolved to a backbone: divisors are choices by then.

    Raises:
        SpecError: If they are not finite, or more than a grid bears.
    """
    if isinstance(domain, Choices):
        return domain.values
    if isinstance(domain, Integers | Floats):
        if domain.grid:
            return domain.grid
        if isinstance(domain, Integers) and domain.high - domain.low < _MOST_VALUES:
            return tuple(range(domain.low, domain.high + 1))
    raise SpecError(
        f"a grid needs the values of {name}, written as {name}: [a, b, c] or with grid: [a, b, c]; "
        f"got {describe(domain)}"
    )


def common_divisors(domain: Divisors, channels: tuple[int, ...]) -> Choices:
    """The divisors of all of these channel counts, within the domain's bounds.

    Raises:
        SpecError: If there is none.

    >>> common_divisors(Divisors(low=2), (16, 24))
    Choices(values=(2, 4, 8))
    """
    greatest = math.gcd(*channels)
    high = greatest if domain.high is None else min(domain.high, greatest)
    values = tuple(number for number in range(domain.low, high + 1) if greatest % number == 0)
    if not values:
        counts = ", ".join(map(str, sorted(set(channels))))
        raise SpecError(f"no number in {describe(domain)} divides every channel count; got the channels {counts}")
    return Choices(values)


def left_out(given: SearchSpace, fitted: SearchSpace) -> dict[str, tuple[Setting, ...]]:
    """The choices of a space that are not in what was left of it, by setting.

    >>> left_out({"groups": Choices((1, 2, 3))}, {"groups": Choices((1, 2))})
    {'groups': (3,)}
    """
    choices = {name: domain.values for name, domain in given.items() if isinstance(domain, Choices)}
    kept = {name: domain.values for name, domain in fitted.items() if isinstance(domain, Choices)}
    gone = {name: tuple(value for value in choices[name] if value not in kept[name]) for name in choices.keys() & kept}
    return {name: values for name, values in gone.items() if values}


def describe(domain: Domain) -> str:
    """A domain in a few words.

    >>> describe(Floats(0.01, 1, log=True)), describe(Choices((True, (3, 4)))), describe(Divisors())
    ('0.01 … 1.0 (log)', 'true | 3,4', 'divisors of the channels')
    """
    if isinstance(domain, Choices):
        return _listed(domain.values)
    if isinstance(domain, Divisors):
        bounds = "" if (domain.low, domain.high) == (1, None) else f" in {domain.low} … {domain.high or 'C'}"
        return f"divisors of the channels{bounds}"
    return f"{domain.low} … {domain.high}{' (log)' if domain.log else ''}"


def _listed(values: tuple[Setting, ...]) -> str:
    return " | ".join(map(format_setting, values))


def _keep_tuple(domain: Choices | Integers | Floats, name: str) -> None:
    values = getattr(domain, name)
    if not isinstance(values, tuple | list):
        raise SpecError(f"{name} must be several, as in (1, 2, 4); got {shown(values)}")
    object.__setattr__(domain, name, tuple(values))  # a list could not be compared or hashed


def _check_whole(kind: str, *numbers: object) -> None:
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int):
            raise SpecError(f"{kind} take whole numbers; got {shown(number)}")
        check_value(kind, number)


def _check_bounds(domain: Integers | Floats) -> None:
    if not (math.isfinite(domain.low) and math.isfinite(domain.high) and domain.low < domain.high):
        raise SpecError(f"a range needs finite bounds, low < high; got low={domain.low}, high={domain.high}")
    if domain.log and domain.low <= 0:
        raise SpecError(f"a range with log needs a positive low; got low={domain.low}")
    outside = [value for value in domain.grid if not domain.low <= value <= domain.high]
    if outside or len(set(domain.grid)) < len(domain.grid):
        raise SpecError(
            f"a grid's values lie in its range, each named once; got grid={list(domain.grid)} in "
            f"{domain.low} … {domain.high}"
        )
