"""Inputs and filled modules that the attention tests share."""

from typing import Any, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def random_map(*shape: int) -> torch.Tensor:
    """A float64 feature map, the same each time."""
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


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
