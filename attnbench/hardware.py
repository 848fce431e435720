"""On what is computed: the device and the arithmetic that a spec asks for, cores and threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from attnbench.errors import SpecError
from attnbench.spec import Compute


def resolve_device(compute: Compute) -> torch.device:
    """The device that `compute` asks for; `auto` is the GPU where there is one.

    Raises:
        SpecError: If it asks for a GPU and there is none, or for more of them than there are.
    """
    has_gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not has_gpu:
        raise SpecError("torch finds no GPU on this machine; got device='cuda', allowed: auto, cpu")
    if not has_gpu or compute.device == "cpu":
        return torch.device("cpu")
    if compute.devices > torch.cuda.device_count():
        raise SpecError(
            f"devices must not exceed the GPUs of this machine; got devices={compute.devices}, allowed: up to "
            f"{torch.cuda.device_count()}, or device=cpu"
        )
    return torch.device("cuda")


def resolve_precision(compute: Compute) -> str:
    """The arithmetic that `compute` asks for: ``float32``, ``bfloat16`` or ``float16``."""
    if compute.precision != "auto":
        return compute.precision
    on_gpu = resolve_device(compute).type == "cuda"
    return "bfloat16" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "float32"


def num_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def use_threads(number: int) -> Iterator[None]:
    """Let torch use `number` CPU threads, and what it used before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
