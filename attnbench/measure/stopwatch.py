"""Clocks that time steps: the monotonic clock on a CPU, pairs of events on a GPU."""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Protocol, TypeAlias

import torch

Step: TypeAlias = Callable[[], object]
"""What is timed: one forward pass or one training step."""


class Stopwatch(Protocol):
    """Times steps, and tells the times when asked."""

    def time(self, step: Step, repeats: int) -> None:
        """Run a step several times as one sample. A step that raises leaves no sample."""

    def read_ms(self) -> list[float]:
        """Milliseconds of one step in each sample since the last reading, in their order."""


class CpuStopwatch:
    """Reads the monotonic clock before and after."""

    def __init__(self) -> None:
        self._samples_ms: list[float] = []

    def time(self, step: Step, repeats: int) -> None:
        """Run a step several times as one sample."""
        started = perf_counter_ns()
        for _ in range(repeats):
            step()
        self._samples_ms.append((perf_counter_ns() - started) / 1e6 / repeats)

    def read_ms(self) -> list[float]:
        """Milliseconds of one step in each sample since the last reading."""
        samples_ms, self._samples_ms = self._samples_ms, []
        return samples_ms


class CudaStopwatch:
    """Puts an event before and after into the GPU's queue, and waits for the queue only when it is read."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event, int]] = []

    def time(self, step: Step, repeats: int) -> None:
        """Run a step several times as one sample."""
        stream = torch.cuda.current_stream(self._device)
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record(stream)
        for _ in range(repeats):
            step()
        end.record(stream)
        self._events.append((start, end, repeats))

    def read_ms(self) -> list[float]:
        """Milliseconds of one step in each sample since the last reading."""
        torch.cuda.synchronize(self._device)
        events, self._events = self._events, []
        return [float(start.elapsed_time(end)) / repeats for start, end, repeats in events]


class LatencyStopwatch:
    """Reads the monotonic clock from the call to the result: a GPU is waited for before and after every step."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._samples_ms: list[float] = []

    def time(self, step: Step, repeats: int) -> None:
        """Run a step several times as one sample."""
        total_ns = 0
        for _ in range(repeats):
            self._wait()
            started = perf_counter_ns()
            step()
            self._wait()
            total_ns += perf_counter_ns() - started
        self._samples_ms.append(total_ns / 1e6 / repeats)

    def read_ms(self) -> list[float]:
        """Milliseconds of one step in each sample since the last reading."""
        samples_ms, self._samples_ms = self._samples_ms, []
        return samples_ms

    def _wait(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)


def stopwatch(device: torch.device) -> Stopwatch:
    """The clock that suits a device: events on a GPU, the monotonic clock on all else."""
    return CudaStopwatch(device) if device.type == "cuda" else CpuStopwatch()
