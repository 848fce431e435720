"""Lets inner tensors of a module be seen while somebody looks, and costs nothing while nobody does."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import nn

Observer: TypeAlias = Callable[[Mapping[str, torch.Tensor]], None]
"""Is given the tensors of one forward pass, by name."""

# By module and not in it: a module that is watched is saved, copied and compiled as any other.
_OBSERVERS: dict[nn.Module, list[Observer]] = {}


def observe(module: nn.Module, **tensors: torch.Tensor) -> None:
    """Show inner tensors to whoever observes the module; to be called in its `forward`.

    Args:
        module: The module itself.
        **tensors: What it shows, under names that its documentation explains.
    """
    if not _OBSERVERS:
        return
    for observer in _OBSERVERS.get(module, ()):
        observer(tensors)


def is_observed(module: nn.Module) -> bool:
    """Whether anybody observes the module: for what is worth computing only then."""
    return bool(_OBSERVERS) and module in _OBSERVERS


@contextmanager
def observed_by(observer: Observer, module: nn.Module) -> Iterator[None]:
    """Let an observer see what a module shows, until the block ends."""
    _OBSERVERS.setdefault(module, []).append(observer)
    try:
        yield
    finally:
        _OBSERVERS[module].remove(observer)
        if not _OBSERVERS[module]:
            del _OBSERVERS[module]
