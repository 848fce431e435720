"""A study outlives the death of its workers, of the whole command, and of the machine's patience."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import pytest
import torch
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from attnbench.space import Choices
from attnbench.study import TrialSummary
from attnbench.tune.objective import results_of
from attnbench.tune.proposal import applied
from attnbench.tune.retrying import retries
from attnbench.tune.session import search
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.storage import using_storage
from attnbench.tune.study import counted, start_study
from attnbench.tune.worker import Work
from attnbench.tune_spec import RECIPE_PREFIX
from attnbench.validating import validate_spec
from tests.source import source_environment
from tests.tiny import tiny_suite
from tests.tune.searching import EPOCHS, counting_spec
from tests.until import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc"),
]
GRACE_S = 6
"""Seconds without a sign of life after which a trial is taken for dead."""


@dataclass
class Command:
    """Searches of one study, as commands with workers of their own."""

    url: str
    study: str
    folder: Path
    started: "list[subprocess.Popen[bytes]]"
    storage: RDBStorage

    def start(self, *options: str, trials: int, workers: int = 2, slow: float = 0.1) -> "subprocess.Popen[bytes]":
        """Start one; `slow` seconds are slept in each module and step."""
        words = [self.url, self.study, str(self.folder), "--trials", str(trials), "--workers", str(workers), *options]
        environment = source_environment(SLOW=str(slow))
        with self.stdout.open("ab") as stdout, self.stderr.open("ab") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.tune.searching", *words],
                cwd=self.folder,
                env=environment,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        self.started.append(process)
        return process

    def finish(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until one ends by itself."""
        assert process.wait(timeout=400) == 0, self.stderr.read_text()

    @property
    def stdout(self) -> Path:
        """The numbers of the trials that it told of."""
        return self.folder / "stdout.txt"

    @property
    def stderr(self) -> Path:
        """What went wrong."""
        return self.folder / "stderr.txt"

    def load(self) -> Study:
        """The study."""
        return optuna.load_study(study_name=self.study, storage=self.storage)

    def states(self) -> list[Path]:
        """The states of unfinished trainings."""
        return sorted((self.folder / "checkpoints").glob("*.ckpt"))

    def steps(self) -> dict[tuple[int, int], int]:
        """Steps that were trained, by mark and process."""
        files = (self.folder / "steps").glob("*")
        return {(int(mark), int(pid)): file.stat().st_size for file in files for mark, pid in [file.name.split("-")]}


@pytest.fixture
def command(storage_url: str, study_name: str, tmp_path: Path) -> Iterator[Command]:
    counting_spec(tmp_path)
    with using_storage(storage_url, heartbeat_s=1) as storage:
        made = Command(storage_url, study_name, tmp_path, [], storage)
        yield made
    for process in made.started:
        for pid in group_of(process):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def group_of(process: "subprocess.Popen[bytes]") -> list[int]:
    """A command's processes that are alive, itself among them."""
    alive = []
    for entry in Path("/proc").iterdir():
        try:
            is_dead = entry.name.isdigit() and (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if entry.name.isdigit() and not is_dead and os.getpgid(int(entry.name)) == process.pid:
                alive.append(int(entry.name))
        except (ProcessLookupError, FileNotFoundError):
            continue
    return alive


@dataclass(frozen=True)
class Broken:
    """A trial in mid-training."""

    number: int
    mark: int
    worker: int


def in_work(command: Command) -> Broken:
    """A trial with some of its epochs behind it, once there is one, and two that have ended."""

    def ended() -> bool:
        assert command.started[-1].poll() is None, f"it ended too soon: {command.stderr.read_text()}"
        return command.stdout.exists() and len(command.stdout.read_text().split()) >= 2

    def early() -> list[Path]:
        """States of trainings that have two epochs before them at least, so that what comes next comes in time."""
        found = []
        for state in command.states():
            with contextlib.suppress(FileNotFoundError):  # it has ended since it was listed
                found += [state] if epochs_in(state) <= EPOCHS - 2 else []
        return found

    states: list[Path] = []
    while not states:
        wait_until(lambda: ended() and bool(command.states()))
        states = early()
    number = int(states[-1].name.split("-")[1])
    mark = command.load().trials[number].params["mark"]
    ((_, worker),) = [key for key in command.steps() if key[0] == mark]
    return Broken(number, mark, worker)


def values(study: Study) -> dict[int, list[float]]:
    return {trial.number: trial.values for trial in study.get_trials(states=(TrialState.COMPLETE,))}


def attempts_of(study: Study, number: int) -> list[FrozenTrial]:
    """The trials that have repeated a trial, first to last."""
    return [trial for trial in study.trials if number in retries(trial)]


def check_whole(command: Command, trials: int) -> Study:
    """Exactly so many trials, each complete and told of once, and nothing left behind."""
    study = command.load()
    kept = counted(study.trials)
    assert [trial.state for trial in kept] == [TrialState.COMPLETE] * trials
    assert not list((command.folder / "checkpoints").iterdir())
    assert "Traceback" not in command.stderr.read_text()
    return study


def check_resumed(command: Command, study: Study, broken: Broken, epochs_before: int) -> None:
    """The retried trial has the very curve of an undisturbed training, of which it trained only what was missing."""
    retried = attempts_of(study, broken.number)[-1]
    assert retried.params["mark"] == broken.mark
    before = command.steps()
    spec = counting_spec(command.folder)
    whole = validate_spec(applied(spec.run, {"mark": broken.mark}))
    curve = [point.validation_top1_percent for point in whole.fitted.curve]
    assert list(results_of(retried)[0].curve) == curve
    assert [retried.intermediate_values[epoch] for epoch in range(1, EPOCHS + 1)] == curve
    (steps_of_whole,) = [number for key, number in command.steps().items() if key[1] == os.getpid()]
    after = sum(number for key, number in before.items() if key[0] == broken.mark and key[1] != broken.worker)
    assert after == steps_of_whole * (EPOCHS - epochs_before) // EPOCHS
    assert 0 < after < steps_of_whole


def epochs_in(state: Path) -> int:
    """Whole epochs that a state holds."""
    callbacks = torch.load(state, weights_only=True)["callbacks"]
    return next(len(of["curve"]) for of in callbacks.values() if "curve" in of)


def test_a_killed_workers_trial_goes_on_from_its_last_epoch(command: Command) -> None:
    searching = command.start(trials=5)
    broken = in_work(command)
    os.kill(broken.worker, signal.SIGKILL)
    (state,) = (command.folder / "checkpoints").glob(f"trial-{broken.number}-*.ckpt")
    epochs_before = epochs_in(state)
    values_before = values(command.load())
    assert len(values_before) >= 2
    command.finish(searching)
    study = check_whole(command, 5)
    assert values_before.items() <= values(study).items()
    assert study.trials[broken.number].state == TrialState.FAIL
    check_resumed(command, study, broken, epochs_before)
    told = [int(word) for word in command.stdout.read_text().split()]
    assert sorted(told) == [trial.number for trial in counted(study.trials)]
    assert "died (SIGKILL); " in command.stderr.read_text()


def test_a_killed_command_started_again_reaches_its_count(command: Command) -> None:
    first = command.start(trials=5)
    broken = in_work(command)
    first.kill()
    first.wait()
    # The workers end with their parent: nobody else stops them.
    wait_until(lambda: not group_of(first), seconds=20)
    (state,) = (command.folder / "checkpoints").glob(f"trial-{broken.number}-*.ckpt")
    epochs_before = epochs_in(state)
    values_before = values(command.load())
    assert 2 <= len(values_before) < 5
    command.finish(command.start(trials=5))
    study = check_whole(command, 5)
    assert values_before.items() <= values(study).items()
    check_resumed(command, study, broken, epochs_before)


def test_two_machines_reach_the_count_together(command: Command) -> None:
    # Both make the storage and the study at the same moment; a worker of one of them is killed.
    machines = [command.start(trials=6), command.start(trials=6)]
    broken = in_work(command)
    os.kill(broken.worker, signal.SIGKILL)
    for machine in machines:
        command.finish(machine)
    study = check_whole(command, 6)
    assert attempts_of(study, broken.number)
    marks = [trial.params["mark"] for trial in counted(study.trials)]
    assert len(set(marks)) == 6, "two machines drew the same numbers"


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("workers", "from_terminal"), [(1, False), (2, True)])
def test_ctrl_c_puts_the_trial_back(command: Command, workers: int, from_terminal: bool) -> None:
    first = command.start(trials=4, workers=workers)
    broken = in_work(command)
    if from_terminal:
        # It comes to all processes, and to the workers once more, from their parent.
        os.killpg(first.pid, signal.SIGINT)
    else:
        first.send_signal(signal.SIGINT)
    assert first.wait(timeout=60) == 130
    wait_until(lambda: not group_of(first), seconds=20)
    study = command.load()
    values_before = values(study)
    assert TrialState.RUNNING not in [trial.state for trial in study.trials]
    (waiting,) = attempts_of(study, broken.number)
    assert waiting.state == TrialState.WAITING
    (state,) = (command.folder / "checkpoints").glob(f"trial-{broken.number}-*.ckpt")
    epochs_before = epochs_in(state)
    command.finish(command.start(trials=4, workers=workers))
    study = check_whole(command, 4)
    assert values_before.items() <= values(study).items()
    check_resumed(command, study, broken, epochs_before)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_worker_that_slept_too_long_lets_its_trial_go(command: Command) -> None:
    searching = command.start(trials=4)
    broken = in_work(command)
    os.kill(broken.worker, signal.SIGSTOP)
    wait_until(lambda: bool(attempts_of(command.load(), broken.number)), seconds=60)
    os.kill(broken.worker, signal.SIGCONT)
    command.finish(searching)
    study = check_whole(command, 4)
    assert command.stderr.read_text() == ""
    assert study.trials[broken.number].state == TrialState.FAIL


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_worker_that_is_asked_to_end_is_replaced(command: Command) -> None:
    searching = command.start(trials=4)
    broken = in_work(command)
    os.kill(broken.worker, signal.SIGTERM)
    command.finish(searching)
    check_whole(command, 4)
    assert re.search(r"died \((interrupted|SIGTERM)\); ", command.stderr.read_text())


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_after_the_deadline_no_trial_begins(command: Command) -> None:
    deadline = datetime.now() + timedelta(seconds=25)
    command.finish(command.start("--deadline", str(time.monotonic() + 25), trials=500))
    kept = counted(command.load().trials)
    assert len(kept) < 500
    # On a machine so slow that no worker came up in time the default waits still.
    assert {trial.state for trial in kept} <= {TrialState.COMPLETE, TrialState.WAITING}
    for trial in kept:
        assert trial.datetime_start is None or trial.datetime_start - deadline < timedelta(seconds=5)


@pytest.mark.parametrize("storage_url", ["sqlite"], indirect=True)
def test_a_trial_that_raises_is_recorded_and_stops_nothing(storage_url: str, tmp_path: Path) -> None:
    (tmp_path / "moody.py").write_text(MOODY)
    spec = make_spec(
        tiny_suite(imports=(str(tmp_path / "moody.py"),)),
        "moody",
        Search(
            space={"mood": Choices(("calm", "angry")), f"{RECIPE_PREFIX}learning_rate": Choices((0.05, 1e30))},
            sampler="grid",
            pruner="none",
        ),
    )
    checkpoints = tmp_path / "checkpoints"
    with using_storage(storage_url, heartbeat_s=1) as storage:
        study = start_study(storage, "study", spec)
        task = Work(storage=storage_url, study="study", num_trials=4, checkpoints=checkpoints, heartbeat_s=1)
        told: list[TrialSummary] = []
        search(study, spec, task, num_workers=1, on_trial=told.append, on_death=print)
    ended = {(trial.settings["mood"], trial.recipe["learning_rate"]): trial for trial in told}
    assert len(ended) == 4
    assert ended["calm", 0.05].state == "complete"
    assert ended["calm", 1e30].state == "failed"
    assert re.match(
        r"the training loss is (nan|inf) at step \d \(epoch 1 of 2\); try a smaller", ended["calm", 1e30].reason
    )
    for learning_rate in (0.05, 1e30):
        assert ended["angry", learning_rate].state == "failed"
        assert ended["angry", learning_rate].reason == "RuntimeError: not in this mood"
    assert not list(checkpoints.glob("*"))


MOODY = '''
import torch
from torch import nn

import attnbench


@attnbench.register_attention("moody", placement="block")
class Moody(nn.Module):
    """Raises in training, which no check before it can see."""

    def __init__(self, channels: int, *, mood: str = "calm") -> None:
        super().__init__()
        self.mood = mood

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.mood == "angry" and self.training and torch.is_grad_enabled():
            raise RuntimeError("not in this mood")
        return x
'''
