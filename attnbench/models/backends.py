"""What computes the attention modules of a model, and whether it can where the model is to run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

import torch
from torch import nn

from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend, Ran, has_kernels, ran_by
from attnbench.models.placement import Place


def attention_backend(places: tuple[Place, ...], device: torch.device) -> Ran | None:
    """What computes a model's attention modules, in float32 or half precision; none where it has none.

    Args:
        places: The modules, all of one variant.
        device: Where they run.
    """
    return computed_by(places[0].module, device) if places else None


def computed_by(module: nn.Module, device: torch.device) -> Ran:
    """What computes a module. One that has kernels names a `backend`, and if only some of its forms do, `has_kernel`.

    Args:
        module: Any attention module.
        device: Where it runs.
    """
    return ran_by(_backend_of(module), device, torch.float32) if getattr(module, "has_kernel", True) else "eager"


def check_backend_runs(places: tuple[Place, ...], device: torch.device, *, attention: str) -> None:
    """Refuse kernels that were asked for where they do not run.

    Args:
        places: The attention modules of a model.
        device: Where it is to run.
        attention: Its variant.

    Raises:
        SpecError: If they ask for kernels and there are none for that device.
    """
    asks = any(_backend_of(place.module) == "triton" for place in places)
    if asks and not has_kernels(device, torch.float32):
        raise SpecError(
            f"{attention}: backend=triton needs Triton and a GPU of compute capability 8.0 or more; "
            f"got device={device.type}, allowed: backend=auto, eager"
        )


@contextmanager
def with_operators_of(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Let a model compute by the operators that compute it on another device, also where that is not.

    Args:
        model: The model; it is as before when the block ends.
        device: The other device.
    """
    kernelled = [module for module in model.modules() if computed_by(module, device) == "triton"]
    before = [_backend_of(module) for module in kernelled]
    for module in kernelled:
        module.backend = "triton"  # type: ignore[assignment]
    try:
        yield
    finally:
        for module, backend in zip(kernelled, before, strict=True):
            module.backend = backend  # type: ignore[assignment]


def _backend_of(module: nn.Module) -> Backend:
    backend = getattr(module, "backend", None)
    return next((known for known in get_args(Backend) if known == backend), "eager")
