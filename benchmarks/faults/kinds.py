"""What is disturbed: a suite, a study, and the writing of records."""

import random
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from attnbench.record import Store, without_timing
from attnbench.spec import Compute, Measure, Recipe, SuiteSpec
from attnbench.spec_io import to_yaml
from attnbench.suite import expand
from benchmarks.faults.stopping import Told, identity_of, seconds_of, start, stopped_at_random
from benchmarks.faults.writing import copies_of

SUITE = SuiteSpec(
    attention=("none", "sge:groups=4", "se:reduction=2"),
    backbone="cifar-resnet:depth=8,stem_stride=2,width=8",
    data="cluttered-digits:test_images=100,train_images=512,validation_images=100",
    seeds=(0, 1),
    recipe=Recipe(epochs=5, batch_size=32, learning_rate=0.05, crop_padding=2, horizontal_flip=True),
    compute=Compute(device="cpu"),
    measure=Measure(throughput_batch_size=4, throughput_rounds=2),
)
SPACE = "groups: [2, 4]\ngate_scale_init: [0.0, 1.0]\n"
NUM_TRIALS = 4
_MOMENTS_A_ROUND = 8
_NUM_WRITTEN = 400


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is wrong after all that was disturbed, of which there should be nothing."""

    what: str
    """What was disturbed."""
    moments: int
    """Random moments at which it was stopped."""
    lost: int
    """Records or trials that an undisturbed one has."""
    doubled: int
    """Records or trials that are there twice."""
    differing: int
    """Those whose values differ in any bit."""
    unreadable: int
    """Records that cannot be read."""
    told: Told
    """What the stopped commands did."""


def disturb_suite(moments: int, chance: random.Random, *, workers: int) -> Outcome:
    """A leaderboard in this many workers, stopped at random moments."""
    told = Told()
    lost = doubled = differing = unreadable = done = 0
    with tempfile.TemporaryDirectory(prefix="attnbench-faults-") as name:
        folder = Path(name)
        (folder / "suite.yaml").write_text(to_yaml(SUITE))
        words = ["-m", "attnbench", "leaderboard", "suite.yaml", "--workers", str(workers), "--store"]
        whole_s = seconds_of(lambda: _undisturbed([*words, "undisturbed"], folder))
        expected = {record.digest: without_timing(record) for record in Store(folder / "undisturbed").read()[0]}
        assert len(expected) == len(expand(SUITE))
        while done < moments:
            store = Store(folder / f"store-{done}")
            most = min(_MOMENTS_A_ROUND, moments - done)
            command = [*words, store.path.name]
            done += stopped_at_random(command, folder, chance=chance, whole_s=whole_s, moments=most, told=told)
            records, problems = store.read()
            got = {record.digest: without_timing(record) for record in records}
            lost += len(expected.keys() - got.keys())
            doubled += len(got.keys() - expected.keys()) + _rewritten(told, store)
            differing += sum(got[key] != expected[key] for key in expected.keys() & got.keys())
            unreadable += len(problems) + len(list(store.path.glob("*.damaged")))
            say(f"suite, {workers} at once", done, moments)
    return Outcome(
        what=f"suite, {workers} worker{'s' * (workers > 1)}",
        moments=done,
        lost=lost,
        doubled=doubled,
        differing=differing,
        unreadable=unreadable,
        told=told,
    )


def disturb_study(moments: int, chance: random.Random) -> Outcome:
    """A study of two workers, stopped at random moments; the grid sampler tries the same settings in any order."""
    told = Told()
    lost = doubled = differing = done = 0
    with tempfile.TemporaryDirectory(prefix="attnbench-faults-") as name:
        folder = Path(name)
        (folder / "space.yaml").write_text(SPACE)
        words = [
            "-m", "attnbench", "tune", "--attention", "sge", "--space", "space.yaml", "--sampler", "grid",
            "--pruner", "none", "--final-seeds", "0", "--workers", "2", "--heartbeat", "1", "--data", SUITE.data,
            "--backbone", SUITE.backbone, "--epochs", "5", "--batch-size", "32", "--device", "cpu", "--study",
        ]  # fmt: skip
        whole_s = seconds_of(lambda: _undisturbed([*words, "undisturbed"], folder))
        expected = _trials(folder, "undisturbed")
        assert len(expected) == NUM_TRIALS
        while done < moments:
            study = f"study-{done}"
            most = min(_MOMENTS_A_ROUND, moments - done)
            done += stopped_at_random([*words, study], folder, chance=chance, whole_s=whole_s, moments=most, told=told)
            got = _trials(folder, study)
            counts = Counter(settings for settings, _ in got)
            values = dict(got)
            lost += len(dict(expected).keys() - counts.keys())
            doubled += sum(number - 1 for number in counts.values())
            differing += sum(values[key] != value for key, value in expected if key in values)
            say("study", done, moments)
    return Outcome(
        what="study, 2 workers",
        moments=done,
        lost=lost,
        doubled=doubled,
        differing=differing,
        unreadable=0,
        told=told,
    )


def disturb_writing(moments: int, chance: random.Random) -> Outcome:
    """Programs that write records without end, stopped at random moments while they write."""
    told = Told()
    lost = doubled = differing = unreadable = 0
    with tempfile.TemporaryDirectory(prefix="attnbench-faults-") as name:
        folder = Path(name)
        (folder / "suite.yaml").write_text(to_yaml(replace(SUITE, attention=("none",), seeds=(0,))))
        _undisturbed(["-m", "attnbench", "leaderboard", "suite.yaml", "--store", "one"], folder)
        ((record,), _) = Store(folder / "one").read()
        expected = {copy.digest: copy for copy in copies_of(record, _NUM_WRITTEN)}
        (folder / "record.json").write_bytes(record.to_json())
        command = ["-m", "benchmarks.faults.writing", "record.json", "store", str(_NUM_WRITTEN)]
        whole_s = seconds_of(lambda: _undisturbed([*command[:3], "undisturbed", command[4]], folder))
        store = Store(folder / "store")
        done = 0
        while done < moments:
            done += stopped_at_random(command, folder, chance=chance, whole_s=whole_s, moments=1, told=told)
            records, problems = store.read()
            lost += len(expected.keys() - {one.digest for one in records})
            doubled += _rewritten(told, store)
            differing += sum(one != expected[one.digest] for one in records)
            unreadable += len(problems)
            for file in store.path.glob("*.json"):
                file.unlink()
            told.files.clear()
    return Outcome(
        what="writing of records",
        moments=done,
        lost=lost,
        doubled=doubled,
        differing=differing,
        unreadable=unreadable,
        told=told,
    )


def say(what: str, done: int, moments: int) -> None:
    """Tell how far it is, since it takes many minutes."""
    print(f"{what}: stopped at {done} of {moments} moments", file=sys.stderr, flush=True)


def _rewritten(told: Told, store: Store) -> int:
    """Records that were there after a stop, and are not the same files any more."""
    before = {file: identity for file, identity in told.files.items() if file.parent == store.path}
    return sum(not file.exists() or identity_of(file) != identity for file, identity in before.items())


def _undisturbed(command: Sequence[str], folder: Path) -> None:
    process = start(command, folder)
    if process.wait() != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {(folder / 'stderr.txt').read_text()}")


def _trials(folder: Path, study: str) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Settings and values of the complete trials of a study."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder / 'studies' / study / 'study.db'}")
    loaded = optuna.load_study(study_name=study, storage=storage)
    trials = loaded.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    storage.remove_session()
    storage.engine.dispose()
    return [
        (tuple(sorted(trial.params.items())), (tuple(trial.values), tuple(trial.intermediate_values.items())))
        for trial in trials
    ]
