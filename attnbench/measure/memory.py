"""Memory: the most that a step needs at once, and what nothing needs any more."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

import torch

MemoryScope: TypeAlias = Literal["allocated by the step", "process during the step", "process since its start"]
"""What a peak is the peak of."""

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"


def free_memory() -> None:
    """Give back what nothing holds any more, that of GPUs as well."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def memory_scope(device: torch.device) -> MemoryScope:
    """What `peak_memory_bytes` gives on this device and system; only equal scopes compare.

    ``allocated by the step``     what torch's allocator handed out on the GPU above what it had handed out
                                  before: no weights that were there, and neither CUDA's context nor memory
                                  that the allocator reserves and does not use
    ``process during the step``   the resident memory of the whole process: Python, its libraries, weights and
                                  data with it, and what earlier steps freed and the system has not taken back
    ``process since its start``   the same, and at least the highest peak of all that the process did before

    On Linux asking starts the peak of the process anew.
    """
    if device.type == "cuda":
        return "allocated by the step"
    return "process during the step" if _reset_resident_peak() else "process since its start"


def peak_memory_bytes(step: Callable[[], object], device: torch.device) -> int:
    """Run a step once and give the most memory that was in use at a time, as `memory_scope` says it.

    Let a step run once before, so that gradients, an optimizer's state and what
    libraries allocate at their first call are there already.

    Args:
        step: What to measure, such as a forward pass or a training step.
        device: Where the step computes.
    """
    # Else garbage of earlier work is freed within the step, or not, as it happens.
    gc.collect()
    if device.type == "cuda":
        return _allocated_peak_bytes(step, device)
    # Linux can start the peak anew; elsewhere it is that of the process's whole life.
    was_reset = _reset_resident_peak()
    step()
    return _resident_peak_bytes() if was_reset else _lifetime_peak_bytes()


def _allocated_peak_bytes(step: Callable[[], object], device: torch.device) -> int:
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    step()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _reset_resident_peak() -> bool:
    """Let the process's peak start from what is resident now, where the system allows it."""
    try:
        _CLEAR_REFS.write_text(_RESET_PEAK)
        _resident_peak_bytes()
    except (OSError, LookupError):
        return False
    return True


def _resident_peak_bytes() -> int:
    """VmHWM, the highest resident set since the last reset; Linux counts it by thread and to some dozens of pages."""
    fields = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024


def _lifetime_peak_bytes() -> int:
    import resource  # not on every system

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
