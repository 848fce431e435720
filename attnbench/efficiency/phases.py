"""One phase: all rows timed in turn at one batch size, which is lowered for all of them where memory ends."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch

from attnbench.efficiency.host import Host, clock_of
from attnbench.efficiency.isolation import RemoteStopwatch
from attnbench.efficiency_record import PhaseTiming
from attnbench.efficiency_spec import EfficiencySpec, Phase
from attnbench.errors import DeviceMemoryError, MeasurementError, RowError
from attnbench.measure import Timings, machine_load, memory_scope, take_reading, time_interleaved, time_latency
from attnbench.measure.failure import describe, is_out_of_memory
from attnbench.measure.stopwatch import Step

T = TypeVar("T")

_WATCHED_MS = 1000.0
"""Work that waits in a GPU's queue while its clock is asked for."""

OnRound = Callable[[int, float], None]
"""Called with rounds taken and seconds spent."""


@dataclass(frozen=True)
class PhaseResult:
    """What a phase gave."""

    timings: dict[str, PhaseTiming]
    """By row, of those that ran it to the end."""
    errors: dict[str, str]
    """What stopped the others, as ``Class: message``."""


def time_phase(spec: EfficiencySpec, phase: Phase, hosts: Mapping[str, Host], on_round: OnRound) -> PhaseResult:
    """Time a phase of all rows in turn.

    A step that does not fit into memory halves the batch of all rows, which begin anew. A row that does
    not fit with one image, or fails in another way, is left out, and the others go on.

    Args:
        spec: What is measured.
        phase: What to time.
        hosts: The rows' models, by label.
        on_round: Hears of each round.
    """
    asked = 1 if phase == "latency" else spec.conditions.batch_size
    left, batch_size, errors = dict(hosts), asked, dict[str, str]()
    while left:
        try:
            result = _attempt(spec, phase, batch_size, left, errors, on_round)
        except DeviceMemoryError as error:
            if batch_size > 1:
                batch_size //= 2
                continue
            errors[error.row] = str(error)
            batch_size = asked
        except RowError as error:
            errors[error.row] = str(error)
        else:
            return PhaseResult(result, errors)
        finally:
            _stop(hosts)
            # What has failed once is not tried again with fewer images.
            left = {label: host for label, host in left.items() if label not in errors}
    return PhaseResult({}, errors)


def _attempt(
    spec: EfficiencySpec,
    phase: Phase,
    batch_size: int,
    hosts: Mapping[str, Host],
    errors: dict[str, str],
    on_round: OnRound,
) -> dict[str, PhaseTiming]:
    """The timings of the rows that run to the end; what stops the others goes to `errors`."""
    device = torch.device(spec.conditions.device)
    first_call_s = dict[str, float]()
    for label, host in hosts.items():
        seconds = _try(label, partial(host.start, phase, batch_size), errors)
        if seconds is not None:
            first_call_s[label] = seconds
    steps = {label: hosts[label].step() for label in first_call_s}
    if not steps:
        return {}
    before = take_reading(workers_s=_workers_s(hosts))
    timings = _timed(spec, phase, steps, device, on_round)
    load = machine_load(before, _watched(spec, device, steps, timings), workers_s=_workers_s(hosts))
    errors |= timings.errors
    scope = memory_scope(device)
    peaks = {label: _try(label, hosts[label].peak_memory_bytes, errors) for label in timings.ms}
    return {
        label: PhaseTiming(
            phase=phase,
            batch_size=batch_size,
            ms=timings.ms[label],
            repeats=timings.repeats,
            first_call_s=first_call_s[label],
            num_warmup_rounds=timings.num_warmup_rounds,
            is_steady=timings.is_steady,
            stopped_by=timings.stopped_by,
            peak_memory_bytes=peak,
            memory_scope=scope,
            load=load,
        )
        for label, peak in peaks.items()
        if peak is not None
    }


def _timed(
    spec: EfficiencySpec, phase: Phase, steps: Mapping[str, Step], device: torch.device, on_round: OnRound
) -> Timings:
    effort = spec.effort
    # Where the baseline is out, the others are still timed in turn, beside the first of them.
    baseline = spec.baseline if spec.baseline in steps else next(iter(steps))
    clock = RemoteStopwatch() if effort.isolate else clock_of(phase, device)
    if phase == "latency":
        return time_latency(
            steps,
            baseline=baseline,
            device=device,
            num_samples=effort.latency_samples,
            budget_s=effort.budget_s,
            on_round=on_round,
            clock=clock,
        )
    return time_interleaved(
        steps,
        baseline=baseline,
        device=device,
        half_width=effort.half_width,
        budget_s=effort.budget_s,
        on_round=on_round,
        clock=clock,
    )


def _try(label: str, call: Callable[[], T], errors: dict[str, str]) -> T | None:
    """What a row's call returns; none where it fails, and then the row's error.

    Raises:
        DeviceMemoryError: If the row does not fit into memory.
    """
    try:
        return call()
    except Exception as error:
        text, is_memory = describe(error), is_out_of_memory(error)
    # Raised outside the handler, so that no traceback keeps the failed step's tensors in memory.
    if is_memory:
        raise DeviceMemoryError(f"{label} does not fit into memory; {text}", row=label)
    errors[label] = text
    return None


def _watched(spec: EfficiencySpec, device: torch.device, steps: Mapping[str, Step], timings: Timings) -> torch.device:
    """The device whose clock is asked for: a GPU only while steps wait in its queue, because an idle one tells nothing.

    The steps of rows in processes of their own cannot be left in a queue.
    """
    if device.type != "cuda" or spec.effort.isolate or not timings.ms:
        return torch.device("cpu")
    label = next(iter(timings.ms))
    for _ in range(math.ceil(_WATCHED_MS / timings.ms[label][-1])):
        steps[label]()
    return device


def _stop(hosts: Mapping[str, Host]) -> None:
    for label, host in hosts.items():
        try:
            host.stop()
        except Exception as error:
            raise MeasurementError(
                f"the device failed after {label}, and nothing more can be measured on it: {describe(error)}; with "
                "--isolate such a failure ends its row alone"
            ) from None


def _workers_s(hosts: Mapping[str, Host]) -> float:
    return sum(host.workers_s() for host in hosts.values())
