"""A trial whose worker has died, between its being marked as failed and its being queued again."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from attnbench.study import TrialSummary
from attnbench.tune import study as study_module
from attnbench.tune import worker
from attnbench.tune.proposal import propose
from attnbench.tune.retrying import DEATHS, MOST_DEATHS, REASON, SURPLUS, put_back, retries, try_again
from attnbench.tune.session import search
from attnbench.tune.states import remove_ended, state_file
from attnbench.tune.study import Counts, counted, counts, first_attempt, has_ended
from attnbench.tune.summary import summarise
from attnbench.tune.worker import Work, work
from tests.tune.studies import open_study, states, tiny_spec, url_in

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used")
FAIL, RUNNING, COMPLETE, WAITING = TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE, TrialState.WAITING
SPEC = tiny_spec(sampler="random", pruner="none")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return open_study(tmp_path, SPEC)[0]


@pytest.fixture
def failed(study: Study) -> FrozenTrial:
    """A trial that Optuna has marked as failed, and not yet told us of."""
    return fail(study, study.ask(), deaths=1)


def fail(study: Study, trial: Trial, *, deaths: int) -> FrozenTrial:
    propose(trial, SPEC.space)
    trial.set_user_attr(DEATHS, deaths)
    study.tell(trial, state=FAIL)
    return study.trials[trial.number]


def task(folder: Path, num_trials: int) -> Work:
    return Work(storage=url_in(folder), study="study", num_trials=num_trials, checkpoints=folder / "states")


@pytest.mark.parametrize(
    ("attributes", "ended"),
    [
        ({}, False),
        ({DEATHS: MOST_DEATHS - 1}, False),
        ({DEATHS: MOST_DEATHS}, True),
        ({REASON: "out of memory"}, True),
        ({SURPLUS: True}, True),
    ],
)
def test_a_failed_trial_has_ended_where_it_is_not_tried_again(attributes: dict[str, object], ended: bool) -> None:
    assert has_ended(create_trial(state=FAIL, user_attrs=attributes)) == ended


def test_a_trial_that_is_to_be_queued_again_is_in_work(study: Study, failed: FrozenTrial) -> None:
    assert counts(study) == Counts(ended=0, running=1, waiting=0)
    (shown,) = summarise(study, SPEC, storage="x").trials
    assert (shown.state, shown.reason) == ("waiting", "")
    try_again(study, failed)
    assert counts(study) == Counts(ended=0, running=0, waiting=1)


def test_its_state_is_kept_until_it_is_given_up(study: Study, failed: FrozenTrial, tmp_path: Path) -> None:
    given_up = fail(study, study.ask(), deaths=MOST_DEATHS)
    kept, useless = (state_file(tmp_path / "states", trial.number, SPEC.run) for trial in (failed, given_up))
    kept.parent.mkdir()
    kept.write_text("x")
    useless.write_text("x")
    remove_ended(tmp_path / "states", study)
    assert list(kept.parent.iterdir()) == [kept]


def test_it_is_told_of_when_it_has_ended_and_no_other_is_begun(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = study.ask()
    # What another machine does while this one waits.
    events = [lambda: fail(study, theirs, deaths=1), lambda: try_again(study, study.trials[0])]
    monkeypatch.setattr(worker, "time", SimpleNamespace(sleep=lambda seconds: events.pop(0)()))
    monkeypatch.setattr(worker, "try_settings", lambda trial, spec, checkpoints: [1.0])
    told: list[TrialSummary] = []
    search(study, SPEC, task(tmp_path, 1), num_workers=1, on_trial=told.append, on_death=print)
    assert [(trial.number, trial.state) for trial in told] == [(1, "complete")]
    assert states(study) == [FAIL, COMPLETE]


def test_one_that_nobody_has_queued_again_in_time_is_queued_once(
    study: Study, failed: FrozenTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_again(study, failed)
    lost = fail(study, study.ask(), deaths=2)
    assert counts(study).waiting == 0
    monkeypatch.setattr(study_module, "_LOST_S", 0.0)
    for _ in range(2):
        assert counts(study) == Counts(ended=0, running=0, waiting=1)
    assert states(study) == [FAIL, FAIL, WAITING]
    queued = study.trials[2]
    assert retries(queued) == [0, 1]
    assert queued.user_attrs == {DEATHS: 3}
    assert queued.params == lost.params
    # What is queued is another trial: the lost one stays what it was.
    assert study.get_trials(deepcopy=False)[1].user_attrs == {DEATHS: 2}
    assert retries(study.get_trials(deepcopy=False)[1]) == [0]


def test_one_that_failed_by_itself_before_its_worker_died_is_not_queued_again(study: Study) -> None:
    trial = study.ask()
    trial.set_user_attr(REASON, "out of memory")
    study.tell(trial, state=FAIL)
    try_again(study, study.trials[0])
    assert counts(study) == Counts(ended=1, running=0, waiting=0)


def test_of_two_that_repeat_one_trial_the_second_gives_way(
    study: Study, failed: FrozenTrial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two machines have found it lost at the same moment, and a worker dies as it begins the second.
    try_again(study, failed)
    put_back(study, study.trials[0])
    first, second = study.ask(), study.ask()
    study.tell(first, 1.0)
    put_back(study, study.trials[second.number])
    study.tell(second, state=FAIL)
    assert [trial.number for trial in counted(study.trials)] == [1]
    assert counts(study) == Counts(ended=1, running=0, waiting=0)
    tried = []
    monkeypatch.setattr(worker, "try_settings", lambda trial, spec, checkpoints: [float(tried.append(trial) or 1)])
    work(task(tmp_path, 2))
    assert states(study) == [FAIL, COMPLETE, FAIL, FAIL, COMPLETE]
    assert [first_attempt(trial) for trial in counted(study.trials)] == [0, 4]
    assert SURPLUS in study.trials[3].user_attrs
    assert [trial.number for trial in tried] == [4]
