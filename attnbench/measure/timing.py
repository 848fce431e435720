"""Times of several steps, taken in turn so that what happens to the machine happens to all of them.

A round runs every row once and takes one sample of each; the order within a round is drawn anew
every round, and always the same by the round's number. Rounds are added until the interval of every
row's ratio to the baseline is narrow enough, or a budget of seconds ends.

The width of an interval is a guess too, and a measurement that ends at the first narrow one ends where
the rounds so far happen to be alike: in simulations of 95 % intervals that cost two or three in a
hundred. So the intervals must be narrow at two looks in a row, with a quarter more rounds between them.

Before the first round the rows warm up. Each is called once, which compiles it where it compiles and
does not count towards the budget. Then rounds are taken and thrown away, in windows of five, until
every row's median in a window is within 5 % of that in the window before it; they end unsteady after
ten windows or a fifth of the budget. A drift slower than that meets all rows alike.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns
from typing import Literal

import torch

from attnbench.errors import SpecError
from attnbench.measure.rows import Rows
from attnbench.measure.stopwatch import Step, Stopwatch, stopwatch
from attnbench.stats.bootstrap import paired_ratio_interval

SHORTEST_SAMPLE_MS = 2.0
"""Shorter steps are repeated until a sample lasts as long: thousands of times what an event can tell apart."""

MOST_REPEATS = 1000
"""However short the shortest step is: the longest is repeated as often."""

_NARROW_LOOKS = 2
_WARMUP_WINDOW = 5
_WARMUP_TOLERANCE = 0.05
_MOST_WARMUP_WINDOWS = 10
_WARMUP_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Raw times of several rows, taken in turn."""

    baseline: str
    """The row that the others are compared with."""
    ms: dict[str, tuple[float, ...]]
    """Milliseconds of one step, one number a round, of each row that ran to the end; all of one length."""
    repeats: int
    """Steps in each sample, whose mean stands in `ms`; the same for every row."""
    num_warmup_rounds: int
    """Rounds thrown away before the first one that counts, without the first calls."""
    is_steady: bool
    """Whether the warm-up ended because the rows were steady, not because it took too long."""
    stopped_by: Literal["interval", "samples", "budget"]
    """Whether every interval was narrow enough twice, there were enough samples, or the seconds were spent."""
    elapsed_s: float
    """Seconds of warm-up and rounds, without the first calls."""
    errors: dict[str, str]
    """What stopped the rows that did not run to the end, as ``Class: message``."""


def time_interleaved(
    steps: Mapping[str, Step],
    *,
    baseline: str,
    device: torch.device,
    half_width: float = 0.01,
    budget_s: float = 60.0,
    min_rounds: int = 30,
    on_round: Callable[[int, float], None] | None = None,
    clock: Stopwatch | None = None,
) -> Timings:
    """Time steps in turn until their ratios to the baseline are known well enough.

    Args:
        steps: What to time, by label; each runs one forward pass or training step.
        baseline: The label that the others are compared with.
        device: Where the steps compute.
        half_width: Every ratio's 95 % interval shall be narrower than ± this part of the ratio;
            0 takes rounds until the budget is spent.
        budget_s: Seconds after which no further round begins. One round is always taken.
        min_rounds: Fewest rounds after which the intervals may end the measurement; the budget may before.
        on_round: Called after every round with rounds taken and seconds spent; on a GPU that
            round may still wait in the queue.
        clock: What times a step; by default what suits the device.

    Returns:
        The raw times.

    Raises:
        SpecError: If the baseline is not among the steps, or a setting is out of range.
        DeviceMemoryError: If a step does not fit into memory. Lower the batch for all rows and begin anew.
        RowError: If the baseline fails.
    """
    _check(steps, baseline, half_width=half_width, budget_s=budget_s, min_rounds=min_rounds)
    rows = Rows(steps, baseline, clock or stopwatch(device))
    rows.take(0, repeats=1)
    rows.read()
    started = perf_counter_ns()
    warm = _warm_up(rows, until_ns=started + round(_WARMUP_SHARE * budget_s * 1e9))
    ms: dict[str, list[float]] = {label: [] for label in rows.labels}
    num_rounds, round_s, num_narrow = 0, warm.round_s, 0
    measured_from = perf_counter_ns()
    while not num_rounds or (num_narrow < _NARROW_LOOKS and _seconds_since(started) < budget_s):
        left_s = budget_s - _seconds_since(started)
        for number in range(num_rounds, num_rounds + _batch(num_rounds, min_rounds, left_s / round_s)):
            if number and _seconds_since(started) >= budget_s:
                break
            rows.take(number, warm.repeats)
            num_rounds = number + 1
            if on_round is not None:
                on_round(num_rounds, _seconds_since(started))
        ms = {label: ms[label] + samples for label, samples in rows.read().items()}
        round_s = _seconds_since(measured_from) / num_rounds
        is_narrow = num_rounds >= min_rounds and _widest(ms, baseline) < half_width
        num_narrow = num_narrow + 1 if is_narrow else 0
    return Timings(
        baseline=baseline,
        ms={label: tuple(samples) for label, samples in ms.items()},
        repeats=warm.repeats,
        num_warmup_rounds=warm.num_rounds,
        is_steady=warm.is_steady,
        stopped_by="interval" if num_narrow == _NARROW_LOOKS else "budget",
        elapsed_s=_seconds_since(started),
        errors=rows.errors,
    )


@dataclass(frozen=True)
class _Warm:
    repeats: int
    num_rounds: int
    is_steady: bool
    round_s: float


def _warm_up(rows: Rows, until_ns: int) -> _Warm:
    repeats, before, rounds = 1, dict[str, float](), list[dict[str, list[float]]]()
    while True:
        rows.take(len(rounds), repeats)
        rounds.append(rows.read())
        is_late = perf_counter_ns() >= until_ns or len(rounds) == _WARMUP_WINDOW * _MOST_WARMUP_WINDOWS
        if len(rounds) % _WARMUP_WINDOW and not is_late:
            continue
        window = rounds[-_WARMUP_WINDOW:]
        medians = {label: median(ms for samples in window for ms in samples[label]) for label in rows.labels}
        shortest_ms = max(min(medians.values()), SHORTEST_SAMPLE_MS / MOST_REPEATS)
        repeats = math.ceil(SHORTEST_SAMPLE_MS / shortest_ms)
        is_steady = bool(before) and all(
            abs(ms - before[label]) <= _WARMUP_TOLERANCE * before[label] for label, ms in medians.items()
        )
        if is_steady or is_late:
            return _Warm(repeats, len(rounds), is_steady, repeats * sum(medians.values()) / 1e3)
        before = medians


def _batch(num_rounds: int, min_rounds: int, affordable: float) -> int:
    """Rounds to take before the intervals are looked at again, which grow so that looking stays cheap.

    A GPU's rounds only enter its queue, so that the clock cannot end a batch; its size must.
    """
    wanted = max(min_rounds - num_rounds, math.ceil(num_rounds / 4))
    return max(1, min(wanted, int(affordable)))


def _widest(ms: Mapping[str, list[float]], baseline: str) -> float:
    """The largest relative half width of the ratios; 0 where there is no row but the baseline."""
    others = [label for label in ms if label != baseline]
    return max((paired_ratio_interval(ms[label], ms[baseline]).relative_half_width for label in others), default=0.0)


def _check(steps: Mapping[str, Step], baseline: str, *, half_width: float, budget_s: float, min_rounds: int) -> None:
    if baseline not in steps:
        raise SpecError(f"the baseline must be one of the steps; got {baseline!r}, allowed: {', '.join(steps)}")
    if not half_width >= 0:
        raise SpecError(f"half_width must not be negative; got half_width={half_width!r}")
    if not budget_s > 0:
        raise SpecError(f"budget_s must be positive; got budget_s={budget_s!r}")
    if min_rounds < 1:
        raise SpecError(f"min_rounds must be at least 1; got min_rounds={min_rounds!r}")


def _seconds_since(started_ns: int) -> float:
    return (perf_counter_ns() - started_ns) / 1e9
