from collections.abc import Callable

import pytest
import torch

from attnbench.errors import SpecError
from attnbench.measure.latency import time_latency

CPU = torch.device("cpu")


class Machine:
    """A clock that stands still but for what steps take."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        self.calls: list[str] = []
        for module in ("stopwatch", "latency"):
            monkeypatch.setattr(f"attnbench.measure.{module}.perf_counter_ns", lambda: self.now_ns)

    def step(self, label: str, ms: Callable[[int], float]) -> Callable[[], None]:
        def run() -> None:
            self.now_ns += round(1e6 * ms(self.calls.count(label)))
            self.calls.append(label)

        return run


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_samples_are_raw_in_order_and_without_the_first_calls(machine: Machine) -> None:
    steps = {"a": machine.step("a", lambda number: 1000 if number < 3 else number)}
    steps["b"] = machine.step("b", lambda number: 2 * number)
    timings = time_latency(steps, baseline="a", device=CPU, num_samples=5, num_warmup=3, budget_s=100)
    assert timings.ms == {"a": (3, 4, 5, 6, 7), "b": (6, 8, 10, 12, 14)}
    assert (timings.stopped_by, timings.num_warmup_rounds, timings.repeats) == ("samples", 3, 1)


def test_rows_are_taken_in_turn(machine: Machine) -> None:
    steps = {label: machine.step(label, lambda number: 1.0) for label in "abc"}
    time_latency(steps, baseline="a", device=CPU, num_samples=7, num_warmup=2)
    rounds = [machine.calls[start : start + 3] for start in range(0, len(machine.calls), 3)]
    assert len(rounds) == 9
    assert all(sorted(taken) == ["a", "b", "c"] for taken in rounds)


def test_the_budget_ends_it_after_one_round_at_least(machine: Machine) -> None:
    steps = {"a": machine.step("a", lambda number: 1000.0)}
    timings = time_latency(steps, baseline="a", device=CPU, budget_s=4)
    assert (len(timings.ms["a"]), timings.stopped_by, timings.is_steady) == (3, "budget", False)
    timings = time_latency({"a": machine.step("b", lambda number: 9000.0)}, baseline="a", device=CPU, budget_s=4)
    assert len(timings.ms["a"]) == 1


def test_a_row_that_fails_drops_out(machine: Machine) -> None:
    def fail(number: int) -> float:
        if number > 4:
            raise ValueError("too warm")
        return 1.0

    steps = {"a": machine.step("a", lambda number: 1.0), "b": machine.step("b", fail)}
    timings = time_latency(steps, baseline="a", device=CPU, num_samples=10, num_warmup=1)
    assert timings.errors == {"b": "ValueError: too warm"}
    assert list(timings.ms) == ["a"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 0}, "got num_samples=0"),
        ({"num_warmup": 0}, "num_warmup=0"),
        ({"budget_s": 0}, "budget_s=0"),
        ({"baseline": "z"}, "the baseline must be one of the steps; got 'z', allowed: a"),
    ],
)
def test_refuses_settings_out_of_range(machine: Machine, settings: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        time_latency({"a": machine.step("a", lambda number: 1.0)}, **{"baseline": "a", "device": CPU, **settings})
    assert machine.calls == []
