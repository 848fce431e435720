"""What computes an attention module: PyTorch's own operators, or kernels in Triton."""

import os
from importlib.util import find_spec
from shutil import which
from typing import Literal, TypeAlias, get_args

import torch

from attnbench.errors import SpecError

Backend: TypeAlias = Literal["auto", "triton", "eager"]
"""The setting `backend` of modules that have kernels.

`auto`: kernels on a GPU that runs them, where they take the dtype; else PyTorch. `triton`: the operators that have
these kernels, which compute by PyTorch what the kernels do not take. `eager`: PyTorch.
"""

Ran: TypeAlias = Literal["eager", "triton"]
"""What computed, in the end."""

KERNEL_DEVICES = ("cuda",)
"""Types of device that run the kernels."""
KERNEL_DTYPES = (torch.float32, torch.bfloat16, torch.float16)
"""What the kernels take."""
# It compiles what launches kernels on the machine that runs them.
_HAS_TRITON = find_spec("triton") is not None and any(map(which, (os.environ.get("CC", "cc"), "gcc", "clang")))
# Of GPUs, the one that brought bfloat16.
_OLDEST_MAJOR = 8


def check_backend(backend: str) -> None:
    """Raise a SpecError unless `backend` is auto, triton or eager."""
    if backend not in get_args(Backend):
        raise SpecError(f"backend must be {', '.join(get_args(Backend))}; got backend={backend}")


def takes_operator(backend: Backend, x: torch.Tensor) -> bool:
    """Whether a module hands a map to its operator, or computes in PyTorch what autograd and the compiler look into.

    Args:
        backend: The module's setting.
        x: The map.
    """
    return backend == "triton" or ran_by(backend, x.device, x.dtype) == "triton"


def differentiates() -> bool:
    """Whether gradients are written out; what traces, exports or transforms a function is to look into it."""
    return (
        torch.is_grad_enabled()
        and not torch.compiler.is_exporting()
        and not torch._C._get_tracing_state()
        and not torch._C._are_functorch_transforms_active()
    )


def ran_by(backend: Backend, device: torch.device, dtype: torch.dtype) -> Ran:
    """What computes a module with that setting.

    Args:
        backend: The module's setting.
        device: Where the map is.
        dtype: The map's.
    """
    return "triton" if backend != "eager" and has_kernels(device, dtype) else "eager"


def has_kernels(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether kernels run on that device, and take that dtype."""
    return device.type in KERNEL_DEVICES and dtype in KERNEL_DTYPES and _runs_triton(device)


def _runs_triton(device: torch.device) -> bool:
    if device.type != "cuda":
        return _HAS_TRITON
    # Not `get_device_capability`, and nothing cached: compilers look in here, and take these properties for constants.
    return _HAS_TRITON and torch.cuda.get_device_properties(device).major >= _OLDEST_MAJOR
