"""What else the machine did while something was measured: other programs on the CPU, a throttled GPU.

A reading is taken before and one after; between them the kernel's own counters say how much processor
time all programs took, and how much of it was this one's. The GPU's clock and the reasons that hold it
down are read from the driver at the end.
"""

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from attnbench.efficiency_record import MachineLoad

_STAT = Path("/proc/stat")

# Bits of the driver's mask that slow the GPU down; the others say that it is idle or as it was set.
_THROTTLES = {
    0x04: "power limit",
    0x08: "hardware slowdown",
    0x20: "software thermal limit",
    0x40: "hardware thermal limit",
    0x80: "power brake",
}


@dataclass(frozen=True)
class Reading:
    """Counters at one moment, in seconds."""

    wall_s: float
    """A monotonic clock."""
    own_s: float
    """Processor time of this process and of its children that have ended."""
    busy_s: float | None
    """Processor time of all programs; none where the kernel does not tell."""
    stolen_s: float | None
    """Processor time that a hypervisor gave to other machines; none where the kernel does not tell."""
    num_processors: int
    """Processors that share the time."""


def take_reading(*, workers_s: float = 0.0) -> Reading:
    """Read the counters now.

    Args:
        workers_s: Processor time of child processes that still run and belong to the measurement.
    """
    own_s = own_processor_seconds() + workers_s
    busy_s, stolen_s = _processor_seconds(_STAT)
    return Reading(time.perf_counter(), own_s, busy_s, stolen_s, os.cpu_count() or 1)


def own_processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system


def machine_load(before: Reading, device: torch.device, *, workers_s: float = 0.0) -> MachineLoad:
    """What else ran since a reading.

    Args:
        before: Taken when the measurement began.
        device: Where it computes; a GPU is asked for its clock.
        workers_s: Processor time of child processes that still run, as told to `take_reading`.

    >>> before = take_reading()
    >>> machine_load(before, torch.device("cpu")).gpu_throttles
    ()
    """
    now = take_reading(workers_s=workers_s)
    wall_s = max(now.wall_s - before.wall_s, 1e-9)
    own = (now.own_s - before.own_s) / wall_s
    other = stolen = None
    if now.busy_s is not None and before.busy_s is not None:
        # The two counters do not tick together, so that a short time can seem negative.
        other = max(0.0, (now.busy_s - before.busy_s) / wall_s - own)
    if now.stolen_s is not None and before.stolen_s is not None:
        stolen = (now.stolen_s - before.stolen_s) / wall_s
    clock_mhz, max_clock_mhz, throttles = _gpu(device) if device.type == "cuda" else (None, None, ())
    return MachineLoad(
        wall_s=wall_s,
        own_processors=own,
        other_processors=other,
        stolen_processors=stolen,
        num_processors=now.num_processors,
        gpu_clock_mhz=clock_mhz,
        gpu_max_clock_mhz=max_clock_mhz,
        gpu_throttles=throttles,
    )


def _processor_seconds(stat: Path) -> tuple[float | None, float | None]:
    """Busy and stolen seconds of all processors since the machine started."""
    if not stat.is_file():
        return None, None
    # user nice system idle iowait irq softirq steal; the guests' time is in user's already.
    ticks = [int(number) for number in stat.read_text().partition("\n")[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, steal = ticks
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks_per_s, steal / ticks_per_s


def _gpu(device: torch.device) -> tuple[int | None, int | None, tuple[str, ...]]:
    """Clock, largest clock and throttles, of the driver's own tool: torch asks through a package that is not there."""
    command = [
        "nvidia-smi",
        f"--id=GPU-{torch.cuda.get_device_properties(device).uuid}",
        "--query-gpu=clocks.sm,clocks.max.sm,clocks_throttle_reasons.active",
        "--format=csv,noheader,nounits",
    ]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
        clock_mhz, max_clock_mhz, mask = (field.strip() for field in told.split(","))
        reasons = int(mask, 16)
        return int(clock_mhz), int(max_clock_mhz), tuple(word for bit, word in _THROTTLES.items() if reasons & bit)
    except (OSError, subprocess.SubprocessError, ValueError):  # no tool, no permission, or a GPU that tells nothing
        return None, None, ()
