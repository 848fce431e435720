"""How the checks of the contract say what they saw."""

import torch
from torch import nn

LONGEST_MESSAGE = 200
"""Characters of another library's error that are shown."""

_REMEDIES = {
    "more than 1 value per channel": "attnbench.attention.norm.BatchNorm takes a single value",
    "view size is not compatible": "reshape() takes every memory layout, view() does not",
    "used in an in-place operation": "write x * gate, not x.mul_(gate)",
    "modified by an inplace operation": "write x * gate, not x.mul_(gate)",
    "same dtype": "cast with .to(x.dtype); buffers and parameters follow .to(), other tensors do not",
}
"""What helps against an error, by a part of its message."""


def on(module: nn.Module, x: torch.Tensor) -> str:
    """Where something was seen: the input and the module's mode."""
    dtype = "" if x.dtype == torch.float32 else f"{name_of(x.dtype)} "
    return f"on {dtype}{shape_of(x)} in {'training' if module.training else 'evaluation'}"


def shape_of(x: torch.Tensor) -> str:
    """A shape as it is written: 2×64×8×8."""
    return times(*x.shape)


def times(*lengths: int) -> str:
    """Lengths with × between them."""
    return "×".join(map(str, lengths)) or "a scalar"


def name_of(dtype: torch.dtype) -> str:
    """A data type without its library."""
    return str(dtype).removeprefix("torch.")


def to_within(difference: float) -> str:
    """How near two results are, in words.

    >>> to_within(0.0), to_within(2.34e-7)
    ('exactly', 'to 2e-7')
    """
    return f"to {difference:.0e}".replace("e-0", "e-") if difference else "exactly"


def one_line(error: BaseException) -> str:
    """An error's type and the beginning of its message, printable and in one line."""
    words = " ".join("".join(char if char.isprintable() else " " for char in str(error)).split())
    if len(words) > LONGEST_MESSAGE:
        words = words[:LONGEST_MESSAGE].rstrip() + " …"
    return f"{type(error).__name__}: {words.rstrip('.')}" if words else type(error).__name__


def remedy(error: BaseException) -> str:
    """What helps against an error, behind a semicolon; empty where that is not known."""
    return next((f"; {help_}" for part, help_ in _REMEDIES.items() if part in str(error)), "")
