from pathlib import Path

import pytest

from attnbench.spec import RunSpec
from attnbench.study import FEWEST_FOR_IMPORTANCE
from attnbench.tune import objective
from attnbench.tune.summary import summarise
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import Objective
from tests.tune.studies import FakeTraining, by_groups, open_study, tiny_spec, url_in


def only_the_shift_matters(run: RunSpec, epoch: int) -> float:
    shift = next((word for word in run.attention.split(",") if word.startswith("gate_shift_init")), "=1")
    return 50 - 10 * float(shift.partition("=")[2])


@pytest.mark.parametrize("objectives", [("accuracy",), ("latency", "accuracy")])
def test_what_matters_is_found_by_both_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objectives: tuple[Objective, ...]
) -> None:
    monkeypatch.setattr(objective, "validate_spec", FakeTraining(only_the_shift_matters))
    spec = tiny_spec("sge:groups=4", pruner="none", sampler="random", objectives=objectives)
    study, _ = open_study(tmp_path, spec)
    work(Work(storage=url_in(tmp_path), study="study", num_trials=40, checkpoints=tmp_path / "states"))
    summary = summarise(study, spec, storage="x")
    assert [importance.method for importance in summary.importances] == ["fANOVA", "PED-ANOVA"]
    for importance in summary.importances:
        assert max(importance.shares, key=lambda name: importance.shares[name]) == "gate_shift_init"
        assert sum(importance.shares.values()) == pytest.approx(1)
    accuracy = objectives.index("accuracy")
    shifts = {trial.number: float(str(trial.settings["gate_shift_init"])) for trial in summary.trials}
    assert shifts[summary.best[0]] == min(shifts.values())
    assert summary.trial(summary.best[0]).values[accuracy] == max(trial.values[accuracy] for trial in summary.trials)


def test_too_few_trials_explain_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objective, "validate_spec", FakeTraining(by_groups))
    spec = tiny_spec(pruner="none")
    study, _ = open_study(tmp_path, spec)
    task = Work(
        storage=url_in(tmp_path), study="study", num_trials=FEWEST_FOR_IMPORTANCE - 1, checkpoints=tmp_path / "states"
    )
    work(task)
    assert summarise(study, spec, storage="x").importances == ()


def test_the_searched_recipe_is_as_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", training)
    spec = tiny_spec(pruner="none", sampler="random", also=("weight_decay",))
    study, _ = open_study(tmp_path, spec)
    work(Work(storage=url_in(tmp_path), study="study", num_trials=2, checkpoints=tmp_path / "states"))
    for trial, run in zip(summarise(study, spec, storage="x").trials, training.runs, strict=True):
        assert dict(trial.recipe) == {"weight_decay": run.recipe.weight_decay}
        assert trial.attention == run.attention
