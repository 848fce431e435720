"""Inputs and filled modules that the attention tests share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def random_map(*shape: int) -> torch.Tensor:
    """A float64 feature map, the same each time."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


@contextmanager
def made_in_float64() -> Iterator[None]:
    """Modules that are made here have float64 constants; `.double()` would only widen what is rounded already."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def filled(module: Module) -> Module:
    """The module in float64 with every parameter and running statistic drawn at random, none at its default."""
    generator = torch.Generator().manual_seed(1)
    module.double()
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 2.0, generator=generator)
        elif value.is_floating_point():
            value.normal_(std=0.5, generator=generator)
    return module


def arrays(module: nn.Module) -> dict[str, Any]:
    """The state dict as numpy arrays, copied."""
    return {name: value.detach().clone().numpy() for name, value in module.state_dict().items()}
