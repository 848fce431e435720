import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from attnbench.divergence import TRAINING_LOSS, diverged
from attnbench.spec import RunSpec, digest
from attnbench.tune import objective, worker
from attnbench.tune.experimental import experimental
from attnbench.tune.objective import results_of, try_settings
from attnbench.tune.study import counted, load_study
from attnbench.tune.summary import trial_summary
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import TuneSpec
from tests.tune.studies import FakeTraining, by_groups, open_study, settings_tried, states, tiny_spec, url_in

GROUPS = (1, 2, 4, 8)


def run_study(folder: Path, spec: TuneSpec, num_trials: int) -> optuna.study.Study:
    study, _ = open_study(folder, spec)
    work(Work(storage=url_in(folder), study="study", num_trials=num_trials, checkpoints=folder / "states"))
    return study


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", fake)
    return fake


def test_the_default_is_tried_first_and_its_curve_is_kept(tmp_path: Path, training: FakeTraining) -> None:
    study = run_study(tmp_path, tiny_spec(pruner="none"), 1)
    (trial,) = study.trials
    assert trial.params == {"groups": 8, "gate_scale_init": 0.0, "gate_shift_init": 1.0, "normalize": True}
    assert trial.user_attrs["attention"] == "sge:groups=8"
    assert trial.values == [60.0]
    assert trial.intermediate_values == {1: 59.0, 2: 60.0}
    assert [run.attention for run in training.runs] == ["sge:groups=8"]
    assert not list((tmp_path / "states").iterdir())


def test_what_is_trained_is_what_is_proposed_at_three_digits(tmp_path: Path, training: FakeTraining) -> None:
    study = run_study(tmp_path, tiny_spec(pruner="none", sampler="random", also=("learning_rate",)), 4)
    for trial, run in zip(study.trials, training.runs, strict=True):
        assert run.attention == trial.user_attrs["attention"]
        assert run.recipe.learning_rate == trial.user_attrs["recipe"]["learning_rate"]
        assert run.recipe.learning_rate == pytest.approx(trial.params["recipe.learning_rate"], rel=5e-3)
        assert len(f"{run.recipe.learning_rate:.10g}".strip("0.")) <= 3
        assert 0.005 <= run.recipe.learning_rate <= 0.15


def test_a_trial_is_scored_by_the_mean_of_its_seeds(tmp_path: Path, training: FakeTraining) -> None:
    study = run_study(tmp_path, tiny_spec(pruner="none", num_seeds=3), 1)
    assert [run.seed for run in training.runs] == [0, 1, 2]
    assert study.trials[0].values == [pytest.approx(60.1)]
    # Epochs are counted on over the seeds.
    assert list(study.trials[0].intermediate_values) == [1, 2, 3, 4, 5, 6]


def test_equal_settings_are_not_trained_again(tmp_path: Path, training: FakeTraining) -> None:
    spec = tiny_spec("sge:gate_scale_init=0.5,gate_shift_init=0.5", pruner="none", sampler="random")
    study = run_study(tmp_path, spec, 14)
    assert len(training.runs) == len({str(settings) for settings in settings_tried(study)}) <= 8
    for trial in study.trials:
        same_as = trial_summary(trial, spec).same_as
        assert same_as is None or study.trials[same_as].values == trial.values
        assert same_as is None or trial_summary(study.trials[same_as], spec).same_as is None


def test_several_objectives_are_all_measured(tmp_path: Path, training: FakeTraining) -> None:
    objectives = ("accuracy", "latency", "macs", "parameters")
    study = run_study(tmp_path, tiny_spec(objectives=objectives), 2)
    assert study.trials[0].values == [60.0, 1.5, 5000.0, 1012.0]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE", "MINIMIZE"]


def test_a_failure_has_its_reason_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def accuracy(run: RunSpec, epoch: int) -> float:
        if "normalize=false" in run.attention:
            raise diverged(TRAINING_LOSS, math.nan, 1, [], run.recipe, is_float16=False)
        if "groups=4" in run.attention:
            raise RuntimeError("CUDA out of\nmemory")
        return 50.0

    monkeypatch.setattr(objective, "validate_spec", FakeTraining(accuracy))
    spec = tiny_spec(pruner="none", sampler="random")
    study = run_study(tmp_path, spec, 12)
    summaries = [trial_summary(trial, spec) for trial in study.trials]
    assert len(summaries) == 12
    for summary in summaries:
        if summary.settings["normalize"] is False:
            assert summary.reason == (
                "the training loss is nan at step 1 (epoch 1 of 2); try a smaller learning_rate than 0.05, or a "
                "gradient_clip_norm"
            )
        elif summary.settings["groups"] == 4:
            assert summary.reason == "RuntimeError: CUDA out of memory"
        else:
            assert (summary.state, summary.reason) == ("complete", "")
    assert {summary.state for summary in summaries} == {"complete", "failed"}
    assert not list((tmp_path / "states").iterdir())


def test_the_median_pruner_waits_for_the_middle(tmp_path: Path, training: FakeTraining) -> None:
    study = run_study(tmp_path, tiny_spec(epochs=4, sampler="random"), 20)
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert all(len(trial.intermediate_values) in (2, 3) for trial in pruned)
    assert all(trial.number >= 10 for trial in pruned)
    assert max(trial.value or 0 for trial in study.trials) == 50 + 8 + 4
    assert not list((tmp_path / "states").iterdir())


def test_the_wilcoxon_pruner_compares_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    training = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", training)
    study = run_study(tmp_path, tiny_spec(pruner="wilcoxon", num_seeds=8, sampler="random"), 12)
    complete = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    pruned = [trial for trial in study.trials if trial.state == TrialState.PRUNED]
    assert pruned
    assert all(4 <= len(trial.intermediate_values) < 8 for trial in pruned)
    assert all(trial.params["groups"] < 8 for trial in pruned)
    assert all(list(trial.intermediate_values) == list(range(1, 9)) for trial in complete)


def test_a_retried_trial_keeps_its_seeds_and_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec(num_seeds=3)
    folder = tmp_path / "states"
    study, storage = open_study(tmp_path, spec)
    killed: list[RunSpec] = []

    def killed_in_the_second_seed(run: RunSpec, epoch: int) -> float:
        if run.seed == 1 and epoch == 2:
            killed.append(run)
            raise SystemExit  # ends the process, as a kill would, and runs no handler of a trial
        return by_groups(run, epoch)

    monkeypatch.setattr(objective, "validate_spec", FakeTraining(killed_in_the_second_seed))
    with pytest.raises(SystemExit):
        study.optimize(lambda trial: try_settings(trial, spec, checkpoints=folder), n_trials=1)
    (state,) = (state for state in folder.glob("*.ckpt") if digest(killed[0]) in state.name)
    # What the heartbeat makes of it.
    with experimental():
        optuna.storages.RetryHeartbeatStaleTrialCallback()(study, study.trials[0])
    study.tell(0, state=TrialState.FAIL)
    again = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", again)
    work(Work(storage=url_in(tmp_path), study="study", num_trials=1, checkpoints=folder))
    other = load_study(storage, "study", spec, seed=1)
    assert [run.seed for run in again.runs] == [1, 2]
    assert other.trials[1].params == other.trials[0].params
    assert other.trials[1].values == [pytest.approx(60.1)]
    assert list(other.trials[1].intermediate_values.values()) == pytest.approx([59, 60, 59.1, 60.1, 59.2, 60.2])
    assert [len(results_of(trial)) for trial in other.trials] == [1, 3]
    assert [trial.number for trial in counted(other.trials)] == [1]
    assert trial_summary(other.trials[1], spec).num_attempts == 2
    assert state.name.startswith("trial-0-")
    assert not list(folder.iterdir())


def test_ctrl_c_as_a_trial_begins_loses_nothing(
    tmp_path: Path, training: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_is_surplus", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_study(tmp_path, tiny_spec(pruner="none"), 1)
    study = run_study(tmp_path, tiny_spec(pruner="none"), 1)
    assert [trial.state for trial in counted(study.trials)] == [TrialState.COMPLETE]
    assert study.trials[-1].user_attrs["attention"] == "sge:groups=8"


def test_every_sampler_proposes_what_fits(tmp_path: Path, training: FakeTraining) -> None:
    for sampler in ("tpe", "gp", "nsga2", "nsga3", "random", "grid"):
        study = run_study(tmp_path / sampler, tiny_spec(pruner="none", sampler=sampler), 12)
        assert states(study) == [TrialState.COMPLETE] * 12
        for settings in settings_tried(study):
            assert settings["groups"] in GROUPS
            assert 0 <= settings["gate_scale_init"] <= 1


def test_the_grid_is_tried_whole_and_once(tmp_path: Path, training: FakeTraining) -> None:
    study = run_study(tmp_path, tiny_spec(pruner="none", sampler="grid"), 4 * 2 * 2 * 2)
    assert len({tuple(sorted(settings.items())) for settings in settings_tried(study)}) == 32


def test_one_worker_proposes_the_same_each_time(tmp_path: Path, training: FakeTraining) -> None:
    first = settings_tried(run_study(tmp_path / "first", tiny_spec(pruner="none"), 12))
    assert settings_tried(run_study(tmp_path / "again", tiny_spec(pruner="none"), 12)) == first
    assert settings_tried(run_study(tmp_path / "other", tiny_spec(pruner="none", seed=1), 12)) != first
