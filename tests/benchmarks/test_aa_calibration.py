import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from benchmarks import aa_calibration
from benchmarks.aa_calibration import Trial

TRIAL = Trial(
    seed=0,
    median=1.001,
    low=0.99,
    high=1.01,
    block_length=5,
    rounds=20,
    repeats=1,
    stopped_by="interval",
    elapsed_s=0.5,
    median_ms=2.0,
    other_processors=0.4,
)
WRONG = replace(TRIAL, low=1.0005)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def trials(monkeypatch: pytest.MonkeyPatch, made: list[Trial]) -> list[int]:
    """Let these trials be made; returns the seeds as they are asked for."""
    seeds: list[int] = []

    def measure(seed: int, *, disturbed: bool) -> Trial:
        seeds.append(seed)
        return replace(made[seed], seed=seed)

    monkeypatch.setattr(aa_calibration, "measure", measure)
    return seeds


@pytest.mark.parametrize(
    ("low", "high", "contains_one"),
    [(0.99, 1.01, True), (1.0, 1.01, True), (1.001, 1.01, False), (0.9, 0.999, False), (0.0, float("inf"), False)],
)
def test_an_interval_is_right_if_it_has_ends_with_one_between(low: float, high: float, contains_one: bool) -> None:
    assert replace(TRIAL, low=low, high=high).contains_one == contains_one


@pytest.mark.parametrize(("num_wrong", "code", "verdict"), [(1, 0, "as wanted"), (2, 1, "too few")])
def test_the_verdict_is_at_nine_of_ten(
    num_wrong: int, code: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials(monkeypatch, [TRIAL] * (10 - num_wrong) + [WRONG] * num_wrong)
    assert aa_calibration.main(["--trials", "10", "--output", str(tmp_path)]) == code
    text = (tmp_path / "aa-calibration.txt").read_text()
    assert f"contains 1 in {10 - num_wrong} of 10 trials, {10 - num_wrong}0.0%" in text
    assert verdict in text
    assert "python benchmarks/aa_calibration.py --trials 10 --threads 1\n" in text
    assert torch.__version__.partition("+")[0] in text


def test_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--trials", "4", "--output", str(tmp_path / "new")]
    trials(monkeypatch, [TRIAL, WRONG])
    with pytest.raises(IndexError):
        aa_calibration.main(arguments)
    seeds = trials(monkeypatch, [TRIAL] * 4)
    assert aa_calibration.main(arguments) == 1
    assert seeds == [2, 3]
    written = json.loads((tmp_path / "new" / "aa-calibration.json").read_text())
    assert written["trials"] == [
        asdict(replace(trial, seed=seed)) for seed, trial in enumerate([TRIAL, WRONG, TRIAL, TRIAL])
    ]


def test_never_writes_over_trials_of_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trials(monkeypatch, [TRIAL] * 2)
    arguments = ["--trials", "2", "--output", str(tmp_path)]
    aa_calibration.main(arguments)
    before = (tmp_path / "aa-calibration.json").read_bytes()
    with pytest.raises(SystemExit, match="holds trials of other settings"):
        aa_calibration.main([*arguments, "--undisturbed"])
    assert (tmp_path / "aa-calibration.json").read_bytes() == before


def test_a_trial_times_a_model_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aa_calibration, "BUDGET_S", 0.2)
    trial = aa_calibration.measure(3, disturbed=True)
    assert (trial.seed, trial.rounds >= 1, trial.elapsed_s > 0.05) == (3, True, True)
    assert 0.2 < trial.median < 5
