"""What the checks of the contract share: the module under check, its inputs, and how they say what they saw."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from attnbench.attention.registration import AttentionEntry, attention_placing, attention_settings
from attnbench.errors import ContractError, SpecError
from attnbench.variant import Setting, Variant

SIZES = ((8, 8), (7, 5), (1, 1), (1, 9))
"""Heights and widths: even, odd, one position, one row."""
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


@dataclass(frozen=True)
class Subject:
    """An attention module under check, still to be made."""

    entry: AttentionEntry
    """Its class and placement."""
    settings: Mapping[str, Setting]
    """Keyword arguments of the class."""
    channels: int
    """C, channels of the maps that it is given."""


def subject_of(attention: str, channels: int) -> Subject:
    """The module that a variant names, for maps of so many channels.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If a setting is unknown or of the wrong type, or there are no channels.
    """
    if channels < 1:
        raise SpecError(f"channels must be at least 1; got channels={channels}")
    variant = Variant.parse(attention)
    attention_placing(variant)
    return Subject(*attention_settings(variant), channels)


def construct(subject: Subject, *, stride: int = 1, out_channels: int | None = None, seed: int = 0) -> nn.Module:
    """A new module, initialised from a seed; `stride` and `out_channels` are for `conv` modules."""
    torch.manual_seed(seed)
    channels, settings = subject.channels, subject.settings
    if subject.entry.placement == "conv":
        return subject.entry.module_class(channels, out_channels or channels, stride=stride, groups=1, **settings)
    return subject.entry.module_class(channels, **settings)


def make(
    subject: Subject,
    size: tuple[int, int] = SIZES[0],
    *,
    stride: int = 1,
    out_channels: int | None = None,
    seed: int = 0,
) -> nn.Module:
    """A new module in evaluation mode that has seen one map, as in a model: it may size its weights by that."""
    module = construct(subject, stride=stride, out_channels=out_channels, seed=seed).eval()
    with torch.no_grad():
        output(module, torch.zeros(1, subject.channels, *size))
    return module


def stirred(module: nn.Module) -> nn.Module:
    """The module with those parameters moved that start all alike: a gate that starts at 0 hides what it gates."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if torch.equal(parameter, parameter.flatten()[:1].expand_as(parameter)):
                parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return module


def feature_map(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A map of random numbers, the same each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5)).to(dtype)


def output(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What a module gives.

    Raises:
        ContractError: If it raises an error, or gives something else than a tensor.
    """
    try:
        y = module(x)
    except Exception as error:
        raise ContractError(f"{on(module, x)} it raises {one_line(error)}{_remedy(error)}") from error
    if not isinstance(y, torch.Tensor):
        raise ContractError(f"gives a {type(y).__name__} {on(module, x)}; a module gives one tensor")
    return y


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


def hold_finite(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """Raise a ContractError if an output is not finite."""
    if not torch.isfinite(y).all():
        cause = "; one position has no spread: guard divisions and roots" if x[0, 0].numel() == 1 else ""
        raise ContractError(f"gives NaN or infinity {on(module, x)}{cause}")


def hold_near(got: torch.Tensor, expected: torch.Tensor, *, rtol: float, atol: float, what: str) -> float:
    """The largest difference of two tensors.

    Raises:
        ContractError: If some element differs by more than ``atol + rtol * |expected|``; it begins with `what`.
    """
    if got.shape != expected.shape:
        raise ContractError(f"{what} gives {shape_of(got)} where {shape_of(expected)} is expected")
    if not expected.numel():
        return 0.0
    got, expected = got.detach(), expected.detach()
    largest = float((got - expected).abs().max())
    if not torch.isclose(got, expected, rtol=rtol, atol=atol).all():
        raise ContractError(
            f"{what} differs by up to {largest:.1g} on {shape_of(got)}, whose largest value is "
            f"{float(expected.abs().max()):.1g}"
        )
    return largest


def _remedy(error: BaseException) -> str:
    return next((f"; {remedy}" for part, remedy in _REMEDIES.items() if part in str(error)), "")
