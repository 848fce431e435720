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


def check_divided(batch_size: int, *, devices: int, accumulate: int = 1) -> None:
    """Refuse a step whose images cannot be divided into equal parts.

    Args:
        batch_size: Images a step.
        devices: Devices that share them.
        accumulate: Parts that each device takes one after the other.

    Raises:
        SpecError: If the parts would differ.
    """
    parts = {name: number for name, number in {"devices": devices, "accumulate": accumulate}.items() if number > 1}
    check(
        batch_size % (devices * accumulate) == 0,
        f"{' times '.join(parts)} must divide batch_size",
        **parts,
        batch_size=batch_size,
    )


@functools.lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """A variant's text with its settings in order."""
    return str(Variant.parse(text))
