"""Whether this machine's memory runs short, and which process holds the most of it."""

import contextlib
from collections.abc import Sequence

import psutil

_LEAST_SHARE = 0.02
_LEAST_BYTES = 256 * 1024**2


def running_short() -> bool:
    """Whether less memory is available than the system itself needs to stay responsive."""
    memory = psutil.virtual_memory()
    return bool(memory.available < max(_LEAST_BYTES, _LEAST_SHARE * memory.total))


def largest(pids: Sequence[int]) -> tuple[int, int] | None:
    """The process that holds the most memory with all that it has started, and the bytes of it.

    Args:
        pids: Processes; those that have ended are passed over.

    Returns:
        Its number and its bytes; none if all have ended.
    """
    sizes = {}
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            sizes[pid] = resident_bytes(pid)
    return max(sizes.items(), key=lambda item: item[1], default=None)


def resident_bytes(pid: int) -> int:
    """Bytes of memory that a process and those that it has started hold.

    Raises:
        psutil.Error: If it has ended.
    """
    process = psutil.Process(pid)
    total: int = process.memory_info().rss
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return total
