"""What specs of all kinds hold their fields to."""

import functools
import math
from typing import Any

import msgspec

from attnbench.errors import SpecError
from attnbench.printable import both_ends, shown
from attnbench.variant import Variant


def check(condition: bool, rule: str, **got: object) -> None:
    """Refuse a value.

    Args:
        condition: Whether it is allowed.
        rule: What is allowed.
        **got: What was given, by field.

    Raises:
        SpecError: If it is not.
    """
    if not condition:
        values = ", ".join(f"{name}={shown(value)}" for name, value in got.items())
        raise SpecError(f"{rule}; got {values}")


def check_fields(spec: Any) -> None:
    """Refuse what no record could hold: numbers that are not finite or need more than 64 bits, and broken text.

    Whole numbers become floats where the field is one: 1 and 1.0 are one spec, and must have one digest.

    Args:
        spec: A dataclass that is being made; its own fields are looked at, those of its parts not.

    Raises:
        SpecError: If it has such a value.
    """
    for name, value in vars(spec).items():
        check_value(name, value)
        if spec.__annotations__[name] in (float, float | None) and value is not None:
            object.__setattr__(spec, name, float(value))


def check_value(name: str, value: object) -> None:
    """The same of one value, or of those of a tuple; what is no number and no text is passed over."""
    if isinstance(value, tuple):
        for part in value:
            check_value(name, part)
    elif isinstance(value, int):
        check(-(2**63) <= value < 2**63, f"{name} must be a number of 64 bits", **{name: value})
    elif isinstance(value, float):
        check(math.isfinite(value), f"{name} must be finite", **{name: value})
    elif isinstance(value, str):
        check(_is_storable(value), f"{name} must be text that UTF-8 can hold, without NUL", **{name: value})


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


@functools.lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A variant's text with its settings in order."""
    return str(Variant.parse(text))


def said_of_field(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong with a value, in msgspec's words, and its field, with those above it: ``recipe.epochs``."""
    said, _, place = str(error).partition(" - at `$")
    return both_ends(said).replace("`", "'"), place.strip(".`")
