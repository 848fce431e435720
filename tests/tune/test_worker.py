"""How a worker counts, what it takes and what it leaves, with trials that train nothing."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from attnbench.errors import StoreError
from attnbench.tune import pool, worker
from attnbench.tune import study as study_module
from attnbench.tune.interrupts import one_interrupt
from attnbench.tune.retrying import REASON, SURPLUS, put_back, retries
from attnbench.tune.states import remove_ended, state_file
from attnbench.tune.storage import open_storage
from attnbench.tune.study import SPEC, STARTER, Counts, counted, counts, first_attempt, start_study
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import TuneSpec
from tests.tune.studies import open_study, states, tiny_spec, url_in

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage is supposed to be used")
FAIL, RUNNING, COMPLETE, WAITING = TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE, TrialState.WAITING

TrySettings = Callable[[Trial], list[float]]


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """A shell lets what it starts in the background ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return open_study(tmp_path, tiny_spec(sampler="random", pruner="none"))[0]


def let_trials(monkeypatch: pytest.MonkeyPatch, do: TrySettings) -> None:
    """Let this stand for the training of a trial."""

    def try_settings(trial: Trial, spec: TuneSpec, *, checkpoints: Path) -> list[float]:
        return do(trial)

    monkeypatch.setattr(worker, "try_settings", try_settings)


def work_off(folder: Path, num_trials: int, *, number: int = 0, deadline: float | None = None) -> None:
    task = Work(
        storage=url_in(folder), study="study", num_trials=num_trials, checkpoints=folder / "states", deadline=deadline
    )
    work(task, worker=number)


def begin(study: Study) -> FrozenTrial:
    """A trial of another worker, in work."""
    number = study.ask().number
    return study.trials[number]


def test_lost_and_surplus_trials_are_not_counted() -> None:
    def trial(number: int, state: TrialState, *, repeats: tuple[int, ...] = (), surplus: bool = False) -> FrozenTrial:
        made = create_trial(
            state=state,
            value=1.0 if state == COMPLETE else None,
            user_attrs={SURPLUS: True} if surplus else {},
            system_attrs={"failed_trial": repeats[0], "retry_history": list(repeats)} if repeats else {},
        )
        made.number = number
        return made

    trials = [
        trial(0, FAIL),
        trial(1, COMPLETE),
        trial(2, FAIL, repeats=(0,)),
        trial(3, FAIL),  # by an error of its own
        trial(4, FAIL, surplus=True),
        trial(5, RUNNING, repeats=(0, 2)),
    ]
    assert [one.number for one in counted(trials)] == [1, 3, 5]
    assert [first_attempt(one) for one in counted(trials)] == [1, 3, 0]


def test_counts_tell_what_is_in_work_from_what_waits(study: Study) -> None:
    assert counts(study) == Counts(ended=0, running=0, waiting=1)  # the default
    first = begin(study)
    begin(study)
    study.tell(first.number, 1.0)
    put_back(study, study.trials[1])
    assert counts(study) == Counts(ended=1, running=0, waiting=1)


def test_trials_are_taken_until_there_are_enough(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_trials(monkeypatch, lambda trial: [1.0])
    work_off(tmp_path, 3)
    assert states(study) == [COMPLETE] * 3
    work_off(tmp_path, 3)
    work_off(tmp_path, 5)
    assert states(study) == [COMPLETE] * 5


def test_a_trial_that_fails_counts_and_stops_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_at_first(trial: Trial) -> list[float]:
        if trial.number == 0:
            trial.set_user_attr(REASON, "out of luck")
            raise RuntimeError
        return [1.0]

    let_trials(monkeypatch, fails_at_first)
    work_off(tmp_path, 3)
    assert states(study) == [FAIL, COMPLETE, COMPLETE]


def test_a_waiting_trial_comes_before_a_new_one(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_trials(monkeypatch, lambda trial: [float(trial.suggest_float("x", 0, 1))])
    lost = begin(study)
    put_back(study, study.trials[lost.number])
    study.tell(lost.number, state=FAIL)
    work_off(tmp_path, 1)
    assert states(study) == [FAIL, COMPLETE]
    assert retries(study.trials[1]) == [0]


def test_while_another_is_at_the_last_trial_none_is_begun(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_trials(monkeypatch, lambda trial: [1.0])
    monkeypatch.setattr(worker, "_POLL_S", 0.01)
    last = begin(study)
    waits = []

    def other_worker(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            study.tell(last.number, 1.0)

    monkeypatch.setattr(worker.time, "sleep", other_worker)
    work_off(tmp_path, 1)
    assert len(waits) == 3
    assert states(study) == [COMPLETE]


def test_after_the_deadline_none_is_begun(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]

    def takes_ten_seconds(trial: Trial) -> list[float]:
        now[0] += 10
        return [1.0]

    let_trials(monkeypatch, takes_ten_seconds)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now[0]))
    work_off(tmp_path, 9, deadline=115.0)
    assert states(study) == [COMPLETE] * 2


def test_of_workers_that_ask_at_once_the_last_gives_way(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []
    let_trials(monkeypatch, lambda trial: [float(tried.append(trial.number) or 1)])

    def others_ask_too(study: Study) -> Counts:
        """Two others have begun a trial each after this worker has counted."""
        now = counts(study)
        if not now.ended and not now.running:
            for _ in range(2):
                begin(study)
        return now

    monkeypatch.setattr(worker, "counts", others_ask_too)

    def others_end(seconds: float) -> None:
        for trial in study.trials:
            if trial.state == RUNNING:
                study.tell(trial.number, 1.0)

    monkeypatch.setattr(worker.time, "sleep", others_end)
    work_off(tmp_path, 2)
    assert states(study) == [COMPLETE, COMPLETE, FAIL]
    assert tried == []
    assert [trial.number for trial in counted(study.trials)] == [0, 1]


def test_a_trial_tried_again_does_not_give_way_to_a_newer_one(study: Study) -> None:
    lost, newer = begin(study), begin(study)
    put_back(study, study.trials[lost.number])
    study.tell(lost.number, state=FAIL)
    again = Trial(study, begin(study)._trial_id)
    assert again.number == 2
    assert not worker._is_surplus(again, 1)
    assert worker._is_surplus(Trial(study, newer._trial_id), 1)


def test_ctrl_c_puts_the_trial_back_even_where_it_comes_twice(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(trial: Trial) -> list[float]:
        trial.suggest_float("x", 0, 1)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("the first is heard at once")

    let_trials(monkeypatch, interrupted)
    genuine = worker.put_back

    def put_back_disturbed(study: Study, trial: FrozenTrial) -> None:
        signal.raise_signal(signal.SIGINT)
        genuine(study, trial)

    monkeypatch.setattr(worker, "put_back", put_back_disturbed)
    with pytest.raises(KeyboardInterrupt):
        work_off(tmp_path, 3)
    assert states(study) == [FAIL, WAITING]
    assert study.trials[1].params == study.trials[0].params
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_trial_that_others_have_ended_meanwhile_is_let_go(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_study(tmp_path, tiny_spec(sampler="random", pruner="none"))[0]

    def taken_for_dead(trial: Trial) -> list[float]:
        if trial.number == 0:
            put_back(other, other.trials[0])
            other.tell(0, state=FAIL)
        trial.report(1.0, 1)  # which Optuna refuses once the trial has ended
        return [1.0]

    let_trials(monkeypatch, taken_for_dead)
    work_off(tmp_path, 2)
    assert states(study) == [FAIL, COMPLETE, COMPLETE]
    assert retries(study.trials[1]) == [0]


def test_a_storage_that_fails_for_a_moment_costs_no_trial(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_at_first(trial: Trial) -> list[float]:
        if trial.number == 0:
            raise StorageInternalError("the server starts anew")
        return [1.0]

    let_trials(monkeypatch, fails_at_first)
    work_off(tmp_path, 1)
    assert states(study) == [FAIL, COMPLETE]
    assert retries(study.trials[1]) == [0]


def test_a_storage_that_fails_for_good_is_one_sentence(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes_away(study: Study) -> Counts:
        raise StorageInternalError("gone")

    monkeypatch.setattr(worker, "counts", goes_away)
    with pytest.raises(StoreError, match=r"^the storage .* has failed; the same command goes on .*: gone$"):
        work_off(tmp_path, 1)


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, *, num_trials: int, number: int = 0) -> list[float]:
    """What a worker draws for its trials after the default, in a new study."""
    study, _ = open_study(folder, tiny_spec(sampler="random", pruner="none"))
    let_trials(monkeypatch, lambda trial: [trial.suggest_float("x", 0, 1)])
    work_off(folder, num_trials, number=number)
    return [trial.params["x"] for trial in study.trials]


def test_a_study_draws_the_same_again_and_two_machines_draw_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = drawn(tmp_path / "a", monkeypatch, num_trials=4)
    assert drawn(tmp_path / "b", monkeypatch, num_trials=4) == first
    assert drawn(tmp_path / "c", monkeypatch, num_trials=4, number=1) != first
    # Of a study that another process has just made, the first trials are not those that it draws itself.
    monkeypatch.setattr(study_module, "getpid", lambda: 1)
    assert set(drawn(tmp_path / "d", monkeypatch, num_trials=4)).isdisjoint(first)


def test_a_study_that_is_being_made_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage, spec = open_storage(url_in(tmp_path)), tiny_spec()
    half_made = optuna.create_study(storage=storage, study_name="study", direction="maximize")
    made, _ = open_study(tmp_path, spec, name="other")

    def the_other_goes_on(seconds: float) -> None:
        half_made.set_user_attr(SPEC, made.user_attrs[SPEC])

    monkeypatch.setattr(study_module.time, "sleep", the_other_goes_on)
    assert start_study(storage, "study", spec).study_name == "study"
    assert STARTER not in half_made.user_attrs


def test_states_of_trials_that_have_ended_are_removed_and_no_others(study: Study, tmp_path: Path) -> None:
    run = tiny_spec().run
    lost, ended, running = begin(study), begin(study), begin(study)
    put_back(study, study.trials[lost.number])
    study.tell(lost.number, state=FAIL)
    study.tell(ended.number, 1.0)
    files = [state_file(tmp_path / "states", trial.number, run) for trial in (lost, ended, running)]
    files[0].parent.mkdir()
    torn = files[1].with_name(f"{files[1].name}.123")
    for file in (*files, torn, tmp_path / "states" / "of-the-user.txt"):
        file.write_text("x")
    remove_ended(tmp_path / "states", study)
    kept = {file.name for file in (tmp_path / "states").iterdir()}
    assert kept == {files[0].name, files[2].name, "of-the-user.txt"}


def test_interrupts_of_another_owner_or_thread_are_left_alone() -> None:
    def own(number: int, frame: object) -> None:
        """A handler of a user's."""

    before = signal.signal(signal.SIGINT, own)
    try:
        with one_interrupt():
            assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            with one_interrupt():
                pass
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert errors == []


def test_a_worker_that_cannot_work_ends_the_search(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert multiprocessing.parent_process() is None
    task = Work(storage=url_in(tmp_path), study="nowhere", num_trials=1, checkpoints=tmp_path)
    with pytest.raises(pool.TrainingError, match="worker 0 cannot work; its error is above"):
        pool.run_workers(task, 1, spec=tiny_spec(), on_poll=lambda: 0, on_death=print)
    assert "error: no study 'nowhere' in this storage" in capfd.readouterr().err
