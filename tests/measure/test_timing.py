from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import torch

from attnbench.errors import DeviceMemoryError, MeasurementError, SpecError
from attnbench.measure.timing import time_interleaved
from attnbench.stats import paired_ratio_interval

CPU = torch.device("cpu")
ROUNDS = 38
"""Of steps that always take as long: the fewest, and a quarter more to look again."""


@dataclass
class Machine:
    """A clock that stands still but for what steps take, and a journal of the calls."""

    now_ns: int = 0
    calls: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def step(self, label: str, ms: float | Callable[[int], float]) -> Callable[[], None]:
        """A step that takes some milliseconds, the same or by the number of its call."""

        def run() -> None:
            number, self.counts[label] = self.counts[label], self.counts[label] + 1
            self.calls.append(label)
            self.now_ns += round(1e6 * (ms(number) if callable(ms) else ms))

        return run


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    for module in ("stopwatch", "timing"):
        monkeypatch.setattr(f"attnbench.measure.{module}.perf_counter_ns", lambda: made.now_ns)
    return made


def noisy(ms: float, seed: int, spread: float = 0.1) -> Callable[[int], float]:
    factors = np.exp(spread * np.random.default_rng(seed).normal(size=100_000))
    return lambda number: ms * factors[number]


def failing(error: Exception, after: int = 0) -> Callable[[int], float]:
    """Ten milliseconds for some calls, and then an error."""

    def ms(number: int) -> float:
        if number >= after:
            raise error
        return 10

    return ms


def test_keeps_what_every_row_took_in_every_round(machine: Machine) -> None:
    steps = {"a": machine.step("a", 10), "b": machine.step("b", 25), "c": machine.step("c", 5)}
    timings = time_interleaved(steps, baseline="a", device=CPU)
    assert timings.ms == {"a": (10,) * ROUNDS, "b": (25,) * ROUNDS, "c": (5,) * ROUNDS}
    assert (timings.baseline, timings.repeats, timings.errors) == ("a", 1, {})


def test_samples_stand_in_the_order_in_which_they_were_taken(machine: Machine) -> None:
    timings = time_interleaved(
        {"a": machine.step("a", lambda number: 10 + 0.01 * number), "b": machine.step("b", lambda number: 20 + number)},
        baseline="a",
        device=CPU,
        budget_s=1.0,
    )
    first = 1 + timings.num_warmup_rounds
    rounds = range(first, first + len(timings.ms["a"]))
    assert timings.ms["a"] == pytest.approx([10 + 0.01 * number for number in rounds])
    assert timings.ms["b"] == pytest.approx([20 + number for number in rounds])


def test_every_round_runs_every_row_once_in_an_order_of_its_own(machine: Machine) -> None:
    def orders() -> list[str]:
        machine.calls.clear()
        time_interleaved({label: machine.step(label, 10) for label in "abc"}, baseline="a", device=CPU, min_rounds=60)
        return ["".join(machine.calls[start : start + 3]) for start in range(0, len(machine.calls), 3)]

    first = orders()
    assert len(first) == 1 + 10 + 75
    assert {"".join(sorted(order)) for order in first} == {"abc"}
    assert len(set(first)) == 6
    assert all(4 <= first[-75:].count(order) <= 25 for order in set(first))
    assert orders() == first


def test_stops_as_soon_as_every_interval_is_narrow_twice(machine: Machine) -> None:
    steps = {"a": machine.step("a", noisy(10, 0)), "b": machine.step("b", noisy(20, 1)), "c": machine.step("c", 10)}
    timings = time_interleaved(steps, baseline="a", device=CPU, half_width=0.02, budget_s=1e6)
    assert timings.stopped_by == "interval"

    def widest(count: int) -> float:
        ms = {label: samples[:count] for label, samples in timings.ms.items()}
        return max(paired_ratio_interval(ms[label], ms["a"]).relative_half_width for label in "bc")

    looks = [30]
    while looks[-1] < len(timings.ms["a"]):
        looks.append(looks[-1] + -(-looks[-1] // 4))
    assert looks[-1] == len(timings.ms["a"])
    assert len(looks) > 5
    narrow = [widest(count) < 0.02 for count in looks]
    assert narrow[-3:] == [False, True, True]
    assert (True, True) not in pairwise(narrow[:-1])


def test_never_stops_by_an_interval_of_too_few_rounds(machine: Machine) -> None:
    timings = time_interleaved(
        {"a": machine.step("a", 10), "b": machine.step("b", 10)}, baseline="a", device=CPU, min_rounds=3
    )
    assert timings.stopped_by == "interval"
    # Looks are at 3, 4, 5, 7 and 9 rounds; six are the fewest that have an interval.
    assert len(timings.ms["b"]) == 9


def test_stops_when_the_budget_is_spent(machine: Machine) -> None:
    steps = {"a": machine.step("a", noisy(10, 0, 0.5)), "b": machine.step("b", noisy(20, 1, 0.5))}
    seen: list[tuple[int, float]] = []
    timings = time_interleaved(
        steps,
        baseline="a",
        device=CPU,
        half_width=0.0,
        budget_s=3.0,
        on_round=lambda number, elapsed_s: seen.append((number, elapsed_s)),
    )
    assert timings.stopped_by == "budget"
    assert 3.0 <= timings.elapsed_s < 3.2
    assert [number for number, _ in seen] == list(range(1, len(timings.ms["a"]) + 1))
    assert seen[-1][1] == timings.elapsed_s
    assert all(elapsed_s < 3.0 for _, elapsed_s in seen[:-1])


def test_the_budget_stops_before_the_fewest_rounds_but_one_round_is_always_taken(machine: Machine) -> None:
    steps = {"a": machine.step("a", 1000), "b": machine.step("b", 2000)}
    timings = time_interleaved(steps, baseline="a", device=CPU, budget_s=10.0)
    assert timings.stopped_by == "budget"
    assert (timings.num_warmup_rounds, len(timings.ms["b"])) == (1, 3)
    timings = time_interleaved(steps, baseline="a", device=CPU, budget_s=0.1)
    assert timings.ms == {"a": (1000,), "b": (2000,)}


def test_compiling_costs_no_budget_and_no_sample(machine: Machine) -> None:
    step = machine.step("b", lambda number: 1e6 if number == 0 else 10)
    timings = time_interleaved({"a": machine.step("a", 10), "b": step}, baseline="a", device=CPU)
    assert timings.ms["b"] == (10,) * ROUNDS
    assert timings.elapsed_s == pytest.approx(0.02 * (ROUNDS + timings.num_warmup_rounds))


@pytest.mark.parametrize(
    ("ms", "num_warmup_rounds"),
    [
        (lambda number: 10, 10),
        (lambda number: 20 if number <= 4 else 10, 15),
        # The medians of the windows are 20.2, 13.4, 11.1, 10.4 and 10.1.
        (lambda number: 10 + 20 * 0.8**number, 25),
    ],
)
def test_warms_up_until_steady(machine: Machine, ms: Callable[[int], float], num_warmup_rounds: int) -> None:
    timings = time_interleaved({"a": machine.step("a", 10), "b": machine.step("b", ms)}, baseline="a", device=CPU)
    assert (timings.num_warmup_rounds, timings.is_steady) == (num_warmup_rounds, True)
    assert timings.ms["b"] == pytest.approx([10] * ROUNDS, rel=0.02)


def test_what_never_becomes_steady_is_said(machine: Machine) -> None:
    step = machine.step("b", lambda number: 10 * 1.03**number)
    timings = time_interleaved({"a": machine.step("a", 10), "b": step}, baseline="a", device=CPU, budget_s=1000)
    assert (timings.num_warmup_rounds, timings.is_steady) == (50, False)
    timings = time_interleaved({"a": machine.step("a", 10), "b": step}, baseline="a", device=CPU, budget_s=1)
    assert (timings.num_warmup_rounds, timings.is_steady) == (1, False)


@pytest.mark.parametrize(("fastest_ms", "repeats"), [(5.0, 1), (2.0, 1), (1.9, 2), (0.5, 4), (0.01, 200), (1e-3, 1000)])
def test_short_steps_are_repeated_as_often_as_the_shortest_needs(
    machine: Machine, fastest_ms: float, repeats: int
) -> None:
    steps = {"a": machine.step("a", 6), "b": machine.step("b", fastest_ms)}
    timings = time_interleaved(steps, baseline="a", device=CPU, budget_s=1000)
    assert timings.repeats == repeats
    assert timings.ms["b"] == pytest.approx([fastest_ms] * ROUNDS)
    assert timings.ms["a"] == pytest.approx([6] * ROUNDS)
    assert machine.calls[-2 * repeats :].count("a") == repeats


@pytest.mark.parametrize("after", [0, 1, 9, 11, 15])
def test_a_row_that_fails_is_told_and_the_others_go_on(machine: Machine, after: int) -> None:
    steps = {
        "a": machine.step("a", 10),
        "broken": machine.step("broken", failing(ValueError("no such channel"), after)),
        "c": machine.step("c", 20),
    }
    timings = time_interleaved(steps, baseline="a", device=CPU)
    assert timings.errors == {"broken": "ValueError: no such channel"}
    assert timings.ms == {"a": (10,) * ROUNDS, "c": (20,) * ROUNDS}


def test_a_baseline_that_fails_ends_it(machine: Machine) -> None:
    steps = {"a": machine.step("a", failing(ValueError("no such channel"))), "b": machine.step("b", 10)}
    with pytest.raises(MeasurementError, match=r"the baseline a fails.*ValueError: no such channel"):
        time_interleaved(steps, baseline="a", device=CPU)


@pytest.mark.parametrize(
    "error",
    [
        torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        MemoryError("20 GiB"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 2 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
    ],
)
def test_memory_that_ends_is_an_error_of_its_own(machine: Machine, error: Exception) -> None:
    steps = {"a": machine.step("a", 10), "large": machine.step("large", failing(error, 3))}
    with pytest.raises(DeviceMemoryError, match="large does not fit into memory") as raised:
        time_interleaved(steps, baseline="a", device=CPU)
    assert str(error) in str(raised.value)
    assert raised.value.__context__ is None


def test_an_interruption_is_no_error_of_a_row(machine: Machine) -> None:
    def step() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        time_interleaved({"a": machine.step("a", 10), "b": step}, baseline="a", device=CPU)


def test_the_baseline_alone_is_timed_as_well(machine: Machine) -> None:
    timings = time_interleaved({"a": machine.step("a", 10)}, baseline="a", device=CPU)
    assert (timings.ms, timings.stopped_by) == ({"a": (10,) * ROUNDS}, "interval")


def test_times_real_work() -> None:
    steps = {"once": lambda: sum(range(1000)), "twice": lambda: sum(range(2000))}
    timings = time_interleaved(steps, baseline="once", device=CPU, half_width=10, budget_s=5, min_rounds=10)
    assert timings.stopped_by == "interval"
    assert all(ms > 0 for samples in timings.ms.values() for ms in samples)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"baseline": "z"}, "must be one of the steps; got 'z', allowed: a, b"),
        ({"half_width": -0.01}, "half_width must not be negative; got half_width=-0.01"),
        ({"half_width": float("nan")}, "half_width must not be negative"),
        ({"budget_s": 0.0}, "budget_s must be positive; got budget_s=0.0"),
        ({"min_rounds": 0}, "min_rounds must be at least 1; got min_rounds=0"),
    ],
)
def test_refuses_settings_out_of_range(machine: Machine, settings: dict[str, object], message: str) -> None:
    steps = {"a": machine.step("a", 10), "b": machine.step("b", 10)}
    with pytest.raises(SpecError, match=message):
        time_interleaved(steps, **{"baseline": "a", "device": CPU, **settings})
    assert machine.calls == []
