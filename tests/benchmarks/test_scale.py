from pathlib import Path

import pytest

from attnbench.executors.choice import Choice
from benchmarks.scale import __main__ as scale
from benchmarks.scale.measuring import CHOICES, Timed, time_notes

SMALL = "--repeats 2 --seeds 1 --epochs 1 --images 200 --runs 4 8"


def timed(num_runs: int, work_s: float, start_s: float = 1.0) -> Timed:
    return Timed(num_runs=num_runs, start_s=start_s, work_s=work_s)


@pytest.mark.slow
def test_is_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Ray and submitit have tests of their own, and take a minute to start here.
    monkeypatch.setattr(scale, "CHOICES", {name: one for name, one in CHOICES.items() if one.kind == "local"})
    monkeypatch.setattr(scale, "MOST_GROWTH", 1e9)
    monkeypatch.setenv("PYTHONPATH", "")
    assert scale.main([*SMALL.split(), "--output", str(tmp_path / "new")]) == 0
    text = (tmp_path / "new" / "scale.txt").read_text()
    assert text == capsys.readouterr().out
    assert f"python -m benchmarks.scale {SMALL}\n" in text
    assert "4 trainings by one worker, in this process, and by two of their own" in text
    rows = [line for line in text.splitlines() if line.startswith(("in this process ", "2 workers "))]
    assert len(rows) == 4
    assert (tmp_path / "new" / "scale.json").is_file()


def test_each_run_leaves_its_record_and_is_counted() -> None:
    small, large = time_notes((3, 5), Choice(workers=1))
    assert (small.num_runs, large.num_runs) == (3, 5)
    assert small.work_s > 0
    assert small.start_s == large.start_s


def test_growth_is_of_a_run_of_the_last_suite_over_one_before() -> None:
    assert timed(100, 0.2).run_ms == 2
    assert scale.growth([timed(10, 99.0), timed(100, 0.2), timed(1000, 6.0)]) == 3
    assert scale.growth([timed(4, 1.0), timed(4, 2.0)]) == 1
    lines = list(scale.of_workers([{1: timed(24, 24.0, 0.0), 2: timed(24, 12.0, 4.0)}]))
    assert lines[-1] == (
        "Two are 2.00 [2.00 … 2.00] times as fast as one at work, and 1.50 [1.50 … 1.50] times with their start."
    )


@pytest.mark.parametrize("arguments", ["--repeats 1", "--runs 100", "--runs 100 10"])
def test_what_cannot_be_compared_is_refused(arguments: str) -> None:
    with pytest.raises(SystemExit):
        scale.main(arguments.split())
