import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from benchmarks import vs_timm
from benchmarks.vs_timm import Repeat

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def answers(monkeypatch: pytest.MonkeyPatch, timm: list[float], attnbench: list[float]) -> None:
    """Let the two methods give these ratios."""
    made = iter(Repeat(a, 1.0, b, b - 0.1, b + 0.1, 1.0, 9, 0.0) for a, b in zip(timm, attnbench, strict=True))
    monkeypatch.setattr(vs_timm, "measure", lambda steps, device: next(made))
    monkeypatch.setattr(vs_timm, "make_steps", lambda settings: {})


@pytest.mark.parametrize(
    ("timm", "attnbench", "code", "narrower"),
    [
        ([1.0, 1.2, 1.4], [1.1, 1.2, 1.3], 0, "attnbench is the narrower: its standard deviation is 2.0 times smaller"),
        ([1.1, 1.2, 1.3], [1.0, 1.2, 1.4], 1, "timm is the narrower: its standard deviation is 2.0 times smaller"),
    ],
)
def test_says_which_is_narrower(
    timm: list[float],
    attnbench: list[float],
    code: int,
    narrower: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, timm, attnbench)
    assert vs_timm.main(["--repeats", "3", "--device", "cpu", "--output", str(tmp_path)]) == code
    text = (tmp_path / "vs-timm.txt").read_text()
    assert narrower in " ".join(text.split())
    assert next(row.split() for row in text.splitlines() if row.startswith("timm")) == [
        "timm", "1.2000", f"{0.2 if code == 0 else 0.1:.4f}", f"{timm[0]:.4f}", f"{timm[-1]:.4f}",
        f"{timm[-1] - timm[0]:.4f}", "1.0",
    ]  # fmt: skip
    written = json.loads((tmp_path / "vs-timm.json").read_text())
    assert [repeat["timm_ratio"] for repeat in written["repeats"]] == timm
    assert written["settings"]["command"] in text


def test_a_spread_needs_two() -> None:
    with pytest.raises(SystemExit):
        vs_timm.main(["--repeats", "1"])


def test_timms_method_is_the_mean_of_the_steps_after_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    took = iter([1000.0] * vs_timm.WARMUP_STEPS + [10.0, 30.0] * (vs_timm.TIMED_STEPS // 2))
    monkeypatch.setattr(vs_timm, "synchronised_ms", lambda step, device: next(took))
    assert vs_timm.timm_step_ms(lambda: None, CPU) == 20.0
    assert next(took, None) is None


def test_both_methods_measure_the_same_steps_for_as_long() -> None:
    calls = {"none": 0, "se": 0}

    def step(label: str, size: int) -> None:
        calls[label] += 1
        sum(range(size))

    steps = {"none": lambda: step("none", 50_000), "se": lambda: step("se", 100_000)}
    repeat = vs_timm.measure(steps, CPU)
    assert calls["none"] == calls["se"] > vs_timm.WARMUP_STEPS + vs_timm.TIMED_STEPS
    assert repeat.timm_ratio > 1
    assert repeat.attnbench_low <= repeat.attnbench_ratio <= repeat.attnbench_high
    assert 0.5 < repeat.attnbench_s / repeat.timm_s < 2
