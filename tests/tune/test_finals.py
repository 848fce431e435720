from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.errors import SpecError
from attnbench.plugins import import_plugin
from attnbench.run import run_spec
from attnbench.spec import RunSpec
from attnbench.study import StudySummary
from attnbench.suite import expand
from attnbench.tune import objective
from attnbench.tune.finals import contenders, final_suites, records_of
from attnbench.tune.proposal import default_proposal
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.summary import summarise
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import FIRST_FRESH_SEED, TuneSpec
from tests.diverged_records import diverged_in_place_of
from tests.tiny import tiny_suite
from tests.tune.studies import Accuracy, FakeTraining, by_groups, open_study, tiny_spec, url_in


def summary_of(
    folder: Path, spec: TuneSpec, monkeypatch: pytest.MonkeyPatch, *, accuracy: Accuracy = by_groups, trials: int = 12
) -> StudySummary:
    monkeypatch.setattr(objective, "validate_spec", FakeTraining(accuracy))
    study, _ = open_study(folder, spec)
    work(Work(storage=url_in(folder), study="study", num_trials=trials, checkpoints=folder / "states"))
    return summarise(study, spec, storage="sqlite")


USERS_MODULE = """
import attnbench
from torch import nn


@attnbench.register_attention("mine", placement="block")
class Mine(nn.Module):
    search_space = {"bias": attnbench.Choices((True, False))}

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 1, bias=bias)

    def forward(self, x):
        return x * self.proj(x).sigmoid()
"""


def prefers_two_groups(run: RunSpec, epoch: int) -> float:
    return 50 + 10 * ("groups=2" in run.attention)


def test_the_winner_beside_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = summary_of(
        tmp_path,
        tiny_spec(pruner="none"),
        monkeypatch,
        accuracy=prefers_two_groups,
    )
    default, winner = contenders(summary, most=3)
    assert (default.role, default.run.attention, default.trial) == ("default", "sge:groups=8", None)
    assert winner.role == "winner"
    assert winner.trial == summary.best[0]
    assert "groups=2" in winner.run.attention
    assert winner.run.baseline == "sge:groups=8"
    (suite,) = final_suites((default, winner), num_seeds=3, imports=())
    assert suite.attention == (default.run.attention, winner.run.attention)
    assert suite.seeds == (FIRST_FRESH_SEED, FIRST_FRESH_SEED + 1, FIRST_FRESH_SEED + 2)
    assert not set(suite.seeds) & set(summary.spec.seeds)


def test_a_default_that_wins_is_trained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = summary_of(tmp_path, tiny_spec(pruner="none"), monkeypatch, accuracy=lambda run, epoch: 50)
    assert summary.best == (0,)
    assert [contender.role for contender in contenders(summary, most=3)] == ["default"]


def test_with_a_searched_recipe_the_default_gets_the_winners_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny_spec(pruner="none", also=("learning_rate",))
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=lambda run, epoch: 50 + 100 * run.recipe.learning_rate)
    default, fair, winner = contenders(summary, most=3)
    assert [default.role, fair.role, winner.role] == ["default", "default with the winner's recipe", "winner"]
    assert fair.run.recipe == winner.run.recipe != default.run.recipe
    assert fair.run.attention == default.run.attention
    suites = final_suites((default, fair, winner), num_seeds=2, imports=())
    assert [suite.attention for suite in suites] == [
        (default.run.attention,),
        (fair.run.attention, winner.run.attention),
    ]


def test_a_winner_by_its_recipe_alone_is_the_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec("none", pruner="none", also=("learning_rate",))
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=lambda run, epoch: 50 + 100 * run.recipe.learning_rate)
    default, winner = contenders(summary, most=3)
    assert (default.role, winner.role) == ("default", "winner")
    assert winner.trial == summary.best[0]
    assert winner.run.attention == default.run.attention == "none"
    assert winner.run.recipe != default.run.recipe


def test_the_default_may_be_another_module_from_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "mine.py"
    module.write_text(USERS_MODULE)
    suite = tiny_suite(imports=(str(module),), epochs=1)
    import_plugin(str(module))
    spec = make_spec(suite, "mine", Search(against="sge:groups=4", pruner="none"))
    assert default_proposal(spec) is None  # sge:groups=4 is no point of the other module's space
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=lambda run, epoch: 50, trials=2)
    entered = contenders(summary, most=1)
    assert [contender.run.plugin is None for contender in entered] == [True, False]
    (final,) = final_suites(entered, num_seeds=1, imports=spec.imports)
    assert {replace(run, seed=0) for run in expand(final)} == {contender.run for contender in entered}


def test_a_front_has_no_trial_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec(
        "sge:gate_scale_init=0.5,gate_shift_init=0.5", objectives=("accuracy", "parameters"), sampler="random"
    )
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=lambda run, epoch: 20.0 + len(run.attention), trials=20)
    front = [contender.run for contender in contenders(summary, most=3) if contender.role == "front"]
    distinct = {summary.trial(number).attention for number in summary.best}
    assert len(front) == len(set(front)) == min(3, len(distinct))


def test_of_a_front_both_ends_and_what_lies_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec(objectives=("accuracy", "parameters"))
    # The fake's parameters grow with the length of the variant's text, and so does this accuracy.
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=lambda run, epoch: 20.0 + len(run.attention))
    assert len(summary.best) > 2
    entered = contenders(summary, most=2)
    front = [contender for contender in entered if contender.role == "front"]
    trials = [contender.trial for contender in front]
    accuracies = [summary.trial(number).values[0] for number in summary.best]
    assert accuracies == sorted(accuracies, reverse=True)
    assert summary.best[0] in trials
    assert set(trials) <= {summary.best[0], summary.best[-1]}


def test_without_a_complete_trial_there_is_no_winner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(run: object, epoch: int) -> float:
        raise RuntimeError("out of memory")

    summary = summary_of(tmp_path, tiny_spec(), monkeypatch, accuracy=fails, trials=2)
    with pytest.raises(SpecError, match=r"no trial of the study 'study' is complete.* RuntimeError: out of memory"):
        contenders(summary, most=1)


def test_records_find_their_contender(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tiny_spec(pruner="none", epochs=1)
    summary = summary_of(tmp_path, spec, monkeypatch, accuracy=prefers_two_groups)
    entered = contenders(summary, most=1)
    (suite,) = final_suites(entered, num_seeds=1, imports=())
    records = [run_spec(run) for run in expand(suite)]
    diverged = [diverged_in_place_of(record, epoch=1) for record in records]
    for contender in entered:
        for of_any in (records, diverged):
            (record,) = records_of(contender, of_any)
            assert record.spec == replace(contender.run, seed=FIRST_FRESH_SEED)
