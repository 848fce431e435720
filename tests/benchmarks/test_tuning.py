import argparse
import statistics
import time
from pathlib import Path

import pytest

from benchmarks import tuning
from benchmarks.tuning import Clock, Pair

SMALL = (
    "--repeats 2 --epochs 2 --backbone cifar-resnet:depth=8,stem_stride=2,width=8 "
    "--data cluttered-digits:test_images=40,train_images=160,validation_images=40"
)


def pair(suite_s: float, bare_s: float, *, same_curve: bool = True) -> Pair:
    """A trial that did nothing but train."""
    idle = dict.fromkeys(tuning.PARTS, 0.0)
    return Pair({**idle, "train": suite_s - 1, "storage": 1.0}, {**idle, "train": bare_s}, same_curve)


def test_a_trial_trains_what_the_bare_loop_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "tuning.txt"
    assert tuning.main([*SMALL.split(), "--output", str(path)]) == 0
    text = path.read_text()
    assert text == capsys.readouterr().out
    assert f"python benchmarks/tuning.py {SMALL}\n" in text
    assert "2 of 2 learning curves are equal to the bare loop's to the last bit." in text
    assert "load average" in text
    table = text.split("difference\n")[1].split("\n\n")[0]
    rows = {line[:32].strip(): line[32:].split() for line in table.splitlines()}
    assert set(rows) == {*tuning.PARTS.values(), "whole"}
    # Median, smallest and largest of the bare loop, of the suite and of their difference.
    assert rows["storage, sampler, heartbeat"][:4] == ["0.00", "[0.00", "…", "0.00]"]
    assert float(rows["storage, sampler, heartbeat"][4]) > 0
    assert float(rows["training, by Lightning"][0]) > 0


def test_the_parts_are_all_of_the_time() -> None:
    options = argparse.Namespace(
        epochs=1,
        backbone="cifar-resnet:depth=8,stem_stride=2,width=8",
        data="cluttered-digits:test_images=40,train_images=160,validation_images=40",
    )
    started = time.perf_counter()
    pairs = tuning.measure_pairs(tuning.make_tune_spec(options), 2)
    took_s = time.perf_counter() - started
    assert len(pairs) == 2
    for one in pairs:
        assert one.same_curve
        assert all(seconds > 0 for seconds in one.suite.values())
        assert {name for name, seconds in one.bare.items() if seconds > 0} == {"data", "build", "train"}
        assert one.ratio == pytest.approx(sum(one.suite.values()) / sum(one.bare.values()))
    assert sum(sum(one.suite.values()) + sum(one.bare.values()) for one in pairs) < took_s


def test_a_part_inside_another_stops_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 5.0, 7.0, 10.0, 10.0])
    monkeypatch.setattr(tuning.time, "perf_counter", lambda: next(now))
    clock = Clock()
    with clock.part("train"):
        with clock.part("state"):
            pass
        assert clock.around("count", lambda x: x + 1)(2) == 3
    assert {name: seconds for name, seconds in clock.seconds.items() if seconds} == {
        "train": 1.0 + 2.0,
        "state": 4.0,
        "count": 3.0,
    }


def test_other_curves_are_no_comparison(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [pair(12.0, 10.0), pair(11.0, 10.0), pair(15.0, 10.0, same_curve=False)]
    monkeypatch.setattr(tuning, "measure_pairs", lambda spec, repeats: pairs)
    assert tuning.main(["--repeats", "3"]) == 1
    text = capsys.readouterr().out
    assert "A trial takes 1.20 [1.10 … 1.50] times as long as the bare loop beside it." in text
    assert "2 of 3 learning curves are equal" in text
    (whole,) = (line for line in text.splitlines() if line.startswith("whole"))
    assert " ".join(whole.split()) == "whole 10.00 [10.00 … 10.00] 12.00 [11.00 … 15.00] 2.00 [1.00 … 5.00]"


def test_a_spread_needs_two_and_the_grid_has_an_end() -> None:
    for repeats in ("1", "18"):
        with pytest.raises(SystemExit):
            tuning.main(["--repeats", repeats])
    assert tuning.spread([3.0, 1.0, 5.0, 2.0]) == f"{statistics.median([3, 1, 5, 2]):.2f} [1.00 … 5.00]"
