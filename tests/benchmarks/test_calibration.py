from pathlib import Path

import numpy as np
import pytest

from attnbench.stats import proportion_interval
from benchmarks import calibration
from benchmarks.calibration import Design

SMALL = ["--suites", "40", "--variants", "3", "--seeds", "8", "--images", "300"]


def test_suites_of_known_truth_keep_what_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "calibration.txt"
    assert calibration.main([*SMALL, "--output", str(path)]) == 0
    text = path.read_text()
    assert text == capsys.readouterr().out
    assert "python benchmarks/calibration.py --suites 40 --variants 3 --seeds 8 --images 300\n" in text
    assert text.count(": kept\n") == 6
    assert "3 variants, 3 pairs, 8 seeds, 300 images" in text


def test_a_correction_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "holm_adjusted", lambda p_values: p_values)
    assert calibration.main(["--suites", "60", "--variants", "6", "--seeds", "8", "--images", "200"]) == 1


def test_too_few_seeds_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert calibration.main(["--suites", "5", "--variants", "3", "--seeds", "5", "--images", "100"]) == 0
    assert "A/B: 5 seeds cannot show any difference in 3 comparisons." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("right", "settings", "verdict"),
    [
        (8, {"at_most": 0.05}, "at most 5%: kept"),
        (10, {"at_most": 0.05}, "at most 5%: NOT KEPT"),
        (74, {"at_least": 0.8}, "at least 80%: kept"),
        (70, {"at_least": 0.8}, "at least 80%: NOT KEPT"),
    ],
)
def test_a_promise_is_kept_up_to_sampling_error(right: int, settings: dict[str, float], verdict: str) -> None:
    line = calibration.promise("name", [True] * right + [False] * (100 - right), **settings)
    low, high = proportion_interval(right, 100)
    assert line.endswith(verdict)
    assert f"{right} of 100, {right}.0% ({low:.1%} … {high:.1%})" in line


def test_the_merit_makes_the_difference_that_is_promised() -> None:
    design = Design(2, 400, 1000)
    merit, difference = calibration.merit_of(design, 1.5)
    correct = calibration.simulate(design, merit, np.random.default_rng(1))
    differences = correct[0].mean(1) - correct[1].mean(1)
    assert differences.mean() == pytest.approx(difference, rel=0.15)
    assert differences.mean() / differences.std() == pytest.approx(1.5, rel=0.15)
