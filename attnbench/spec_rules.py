"""What specs of all kinds hold their fields to."""

import functools

from attnbench.errors import SpecError
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
        values = ", ".join(f"{name}={value!r}" for name, value in got.items())
        raise SpecError(f"{rule}; got {values}")


@functools.lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A variant's text with its settings in order."""
    return str(Variant.parse(text))
