"""The module under check: how it is named, made and run, and the maps that it is given."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from attnbench.attention.contract.words import on, one_line, remedy
from attnbench.attention.registration import AttentionEntry, attention_placing, attention_settings
from attnbench.errors import ContractError, SpecError
from attnbench.variant import Setting, Variant

SIZES = ((8, 8), (7, 5), (1, 1), (1, 9))
"""Heights and widths: even, odd, one position, one row."""
WIDTHS = (64, 128, 256)
"""Channels that are tried in turn where none are given; 64 have the first blocks of ResNet-50."""


@dataclass(frozen=True)
class Subject:
    """An attention module under check, still to be made."""

    entry: AttentionEntry
    """Its class and placement."""
    settings: Mapping[str, Setting]
    """Keyword arguments of the class."""
    channels: int
    """C, channels of the maps that it is given."""
    refused: tuple[int, ...] = ()
    """Channels that were tried before these, and that the class refuses."""


def subject_of(attention: str, channels: int | None = None) -> Subject:
    """The module that a variant names, for maps of so many channels.

    Args:
        attention: ``sge``, ``sge:groups=8``, or a registered module of one's own.
        channels: C; by default the first of `WIDTHS` that the class does not refuse.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If a setting is unknown or of the wrong type, or fits none of the widths, or there are no channels.
    """
    if channels is not None and channels < 1:
        raise SpecError(f"channels must be at least 1; got channels={channels}")
    variant = Variant.parse(attention)
    attention_placing(variant)
    entry, settings = attention_settings(variant)
    return _fitting(entry, settings) if channels is None else Subject(entry, settings, channels)


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
        raise ContractError(f"{on(module, x)} it raises {one_line(error)}{remedy(error)}") from error
    if not isinstance(y, torch.Tensor):
        raise ContractError(f"gives a {type(y).__name__} {on(module, x)}; a module gives one tensor")
    return y


@contextmanager
def undisturbed() -> Iterator[None]:
    """One thread, because the maps are small and many threads can be a hundred times slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def _fitting(entry: AttentionEntry, settings: Mapping[str, Setting]) -> Subject:
    """With the first width that the class does not refuse by a ValueError, as a SpecError and torch's own are."""
    refusals: list[ValueError] = []
    for tried, width in enumerate(WIDTHS):
        subject = Subject(entry, settings, width, WIDTHS[:tried])
        try:
            with undisturbed():
                construct(subject)
        except ValueError as error:
            refusals.append(error)
        except Exception:
            return subject  # no width mends another error; the check of the construction says which
        else:
            return subject
    if isinstance(refusals[0], SpecError):
        others = " and ".join(map(str, WIDTHS[1:]))
        raise SpecError(f"{refusals[0]}; {others} channels are refused too") from refusals[0]
    return Subject(entry, settings, WIDTHS[0])
