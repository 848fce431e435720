"""What computes the attention modules of a model, and whether it can where the model is to run."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from attnbench.attention.kernelled import Kernelled
from attnbench.errors import SpecError
from attnbench.kernels.backend import Ran, has_kernels, ran_by
from attnbench.models.placement import Place


def attention_backend(places: tuple[Place, ...], device: torch.device) -> Ran | None:
    """What computes a model's attention modules, in float32 or half precision; none where it has none.

    Args:
        places: The modules, all of one variant.
        device: Where they run.
    """
    return computed_by(places[0].module, device) if places else None


def computed_by(module: nn.Module, device: torch.device) -> Ran:
    """What computes a module.

    Args:
        module: Any attention module.
        device: Where it runs.
    """
    if not isinstance(module, Kernelled) or not module.has_kernel:
        return "eager"
    return ran_by(module.backend, device, torch.float32)


def check_backend_runs(places: tuple[Place, ...], device: torch.device, *, attention: str) -> None:
    """Refuse kernels that were asked for where they do not run.

    Args:
        places: The attention modules of a model.
        device: Where it is to run.
        attention: Its variant.

    Raises:
        SpecError: If they ask for kernels, and there are none for that device or for what else they ask.
    """
    for module in (place.module for place in places):
        if not isinstance(module, Kernelled) or module.backend != "triton":
            continue
        if not module.has_kernel:
            raise SpecError(f"{attention}: there is no kernel for these settings; allowed: backend=auto, eager")
        if not has_kernels(device, torch.float32):
            raise SpecError(
                f"{attention}: backend=triton needs Triton, a C compiler and a GPU of compute capability 8.0 or more; "
                f"got device={device.type}, allowed: backend=auto, eager"
            )


@contextmanager
def with_operators_of(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Let a model compute by the operators that compute it on another device, also where that is not.

    Args:
        model: The model; it is as before when the block ends.
        device: The other device.
    """
    kernelled = [module for module in model.modules() if isinstance(module, Kernelled)]
    before = [module.backend for module in kernelled]
    for module in kernelled:
        module.backend = "triton" if computed_by(module, device) == "triton" else "eager"
    try:
        yield
    finally:
        for module, backend in zip(kernelled, before, strict=True):
            module.backend = backend
