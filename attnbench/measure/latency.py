"""How long a caller waits for one step: from the call to the result, launch and transfer queue included."""

from collections.abc import Callable, Mapping
from time import perf_counter_ns

import torch

from attnbench.errors import SpecError
from attnbench.measure.rows import Rows
from attnbench.measure.stopwatch import LatencyStopwatch, Step, Stopwatch
from attnbench.measure.timing import Timings


def time_latency(
    steps: Mapping[str, Step],
    *,
    baseline: str,
    device: torch.device,
    num_samples: int = 200,
    num_warmup: int = 10,
    budget_s: float = 60.0,
    on_round: Callable[[int, float], None] | None = None,
    clock: Stopwatch | None = None,
) -> Timings:
    """Time single steps in turn, each alone on the device.

    Args:
        steps: What to time, by label; usually a forward pass of a single image.
        baseline: The label that the others are compared with.
        device: Where the steps compute; a GPU is waited for before and after every step.
        num_samples: How many of each, at least one. The 99th percentile needs hundreds.
        num_warmup: Steps of each before the first that counts; the first of them compiles where
            there is to compile. They may take a fifth of the budget, but for the first.
        budget_s: Seconds after which no further round begins. One round is always taken.
        on_round: Called after every round with rounds taken and seconds spent.
        clock: What times a step; by default what suits the device.

    Returns:
        Milliseconds of each step, raw and in order.

    Raises:
        SpecError: If the baseline is not among the steps, or a setting is out of range.
        DeviceMemoryError: If a step does not fit into memory.
        RowError: If the baseline fails.
    """
    if baseline not in steps:
        raise SpecError(f"the baseline must be one of the steps; got {baseline!r}, allowed: {', '.join(steps)}")
    if num_samples < 1 or num_warmup < 1 or not budget_s > 0:
        raise SpecError(
            "latency needs at least one sample, one warm-up and a positive budget; "
            f"got num_samples={num_samples!r}, num_warmup={num_warmup!r}, budget_s={budget_s!r}"
        )
    rows = Rows(steps, baseline, clock or LatencyStopwatch(device))
    rows.take(0, repeats=1)
    started, warm = perf_counter_ns(), 1
    while warm < num_warmup and _seconds_since(started) < budget_s / 5:
        rows.take(warm, repeats=1)
        warm += 1
    rows.read()
    taken = 0
    while not taken or (taken < num_samples and _seconds_since(started) < budget_s):
        rows.take(taken, repeats=1)
        taken += 1
        if on_round is not None:
            on_round(taken, _seconds_since(started))
    return Timings(
        baseline=baseline,
        ms={label: tuple(samples) for label, samples in rows.read().items()},
        repeats=1,
        num_warmup_rounds=warm,
        is_steady=warm == num_warmup,
        stopped_by="samples" if taken == num_samples else "budget",
        elapsed_s=_seconds_since(started),
        errors=rows.errors,
    )


def _seconds_since(started_ns: int) -> float:
    return (perf_counter_ns() - started_ns) / 1e9
