"""What in the record of an efficiency row contradicts itself or cannot have been measured.

See `attnbench.record_fault`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from attnbench.efficiency_spec import spec_digest
from attnbench.record_fault import fault_of_counts, fault_of_passes

if TYPE_CHECKING:
    from attnbench.efficiency_record import Counts, EfficiencyRecord, MachineLoad, PhaseTiming

_LEAST = {
    "parameters": 0,
    "buffers": 0,
    "num_attention_modules": 0,
    "num_replaced": 0,
    "saved_bytes": 0,
    "total": 0,
    "by_module": 0,
    "read_bytes": 0,
    "written_bytes": 0,
    "parameter_bytes": 0,
    "num_warmup_rounds": 0,
    "peak_memory_bytes": 0,
    "gpu_clock_mhz": 0,
    "gpu_max_clock_mhz": 0,
}
"""The least that a count may be; of other counts it is 1."""

_MOST = 1e18
"""The largest number of seconds, processors or bytes a second; those of that size can still be reckoned with."""


def fault_of_efficiency(record: "EfficiencyRecord") -> str | None:
    """The first fault of a record, in words, or none."""
    expected = spec_digest(record.spec, record.session)
    if record.digest != expected:
        return f"its spec and session have the digest {expected}: it was edited, or a newer attnbench wrote it"
    bandwidth = record.bandwidth_bytes_per_s
    if bandwidth is not None and not 0 < bandwidth <= _MOST:
        return f"bandwidth_bytes_per_s must lie in (0, {_MOST:g}]; got {bandwidth:g}"
    phases = [timing.phase for timing in record.timings]
    if len(set(phases)) != len(phases):
        return f"each phase may be timed once; got {', '.join(phases)}"
    faults = (fault_of_counts({"threads": record.environment.threads}, least={}), _fault_of_counts(record.counts))
    return next(filter(None, (*faults, *map(_fault_of_timing, record.timings))), None)


def _fault_of_counts(counts: "Counts | None") -> str | None:
    if counts is None:
        return None
    from attnbench.efficiency_record import CONVENTIONS

    if missing := set(CONVENTIONS) - counts.flops.keys():
        return f"operations must be counted as {', '.join(CONVENTIONS)}; {', '.join(sorted(missing))} is missing"
    return next(filter(None, (fault_of_counts(dict([count]), least=_LEAST) for count in _numbers(counts))), None)


def _numbers(counts: "Counts") -> Iterator[tuple[str, int]]:
    """Every count by its name."""
    parts: list[Any] = [counts, *counts.flops.values(), *counts.traffic.values()]
    for part in parts:
        for name in part.__dataclass_fields__:
            if isinstance(number := getattr(part, name), int):
                yield name, number
    for flops in counts.flops.values():
        yield from (("by_module", number) for number in flops.by_module.values())
        yield from flops.uncounted_operators.items()


def _fault_of_timing(timing: "PhaseTiming") -> str | None:
    if not timing.ms:
        return f"{timing.phase} must be timed at least once; got no time"
    if not 0 <= timing.first_call_s <= _MOST:
        return f"first_call_s must lie in [0, {_MOST:g}]; got {timing.first_call_s:g}"
    numbers = {name: getattr(timing, name) for name in ("batch_size", "repeats", "num_warmup_rounds")}
    if timing.peak_memory_bytes is not None:
        numbers["peak_memory_bytes"] = timing.peak_memory_bytes
    return fault_of_counts(numbers, least=_LEAST) or fault_of_passes(timing.ms) or _fault_of_load(timing.load)


def _fault_of_load(load: "MachineLoad") -> str | None:
    # What others took is a difference, and may come out a little below nothing.
    parts = ("wall_s", "own_processors", "other_processors", "stolen_processors")
    for name in parts:
        part = getattr(load, name)
        if part is not None and abs(part) > _MOST:
            return f"{name} must lie in [{-_MOST:g}, {_MOST:g}]; got {part:g}"
    clocks = {name: getattr(load, name) for name in ("gpu_clock_mhz", "gpu_max_clock_mhz")}
    known = {name: clock for name, clock in clocks.items() if clock is not None}
    return fault_of_counts({"num_processors": load.num_processors, **known}, least=_LEAST)
