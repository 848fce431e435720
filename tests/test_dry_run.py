from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from rich.console import Console

from attnbench.cli.dry_run import MOST_LISTED, print_dry_run
from attnbench.dry_run import DryRun, dry_run
from attnbench.errors import SpecError
from attnbench.record import Store
from attnbench.run import run_spec
from attnbench.spec import digest
from attnbench.suite import expand, run_suite
from attnbench.workers import InProcessExecutor
from tests.tiny import tiny_suite


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Both variants of the tiny suite, two seeds."""
    store = Store(tmp_path_factory.mktemp("store"))
    run_suite(tiny_suite(seeds=(0, 1)), store, executor=InProcessExecutor(), on_finished=lambda outcome: None)
    return store


def shown(planned: DryRun, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        print_dry_run(planned, console)
    return capture.get()


def test_without_records_it_times_steps_and_writes_nothing(tmp_path: Path) -> None:
    suite = tiny_suite(seeds=(0, 1))
    planned = dry_run(suite, Store(tmp_path / "none"), workers=2, seconds=0.5)
    assert not (tmp_path / "none").exists()
    assert [(run.digest, run.is_recorded) for run in planned.runs] == [(digest(run), False) for run in expand(suite)]
    assert planned.images_to_train == 96 * 2 * 4
    assert [(time.attention, time.num_missing, time.num_records) for time in planned.variants] == [
        ("none", 2, 0),
        ("sge:groups=4", 2, 0),
    ]
    assert all(time.num_steps >= 1 and time.run_s > 0 for time in planned.variants)
    assert planned.wall_s == pytest.approx(sum(2 * time.run_s for time in planned.variants) / 2)
    assert "4 runs, of which 4 would be trained" in shown(planned)


def test_records_of_other_seeds_tell_the_time_and_the_size(store: Store) -> None:
    planned = dry_run(tiny_suite(seeds=(0, 1, 2)), store, workers=1)
    records = store.read()[0]
    walls = [
        median(record.timing.wall_s for record in records if record.spec.attention == name)
        for name in ("none", "sge:groups=4")
    ]
    assert [(time.num_missing, time.num_records, time.num_steps) for time in planned.variants] == [(1, 2, 0)] * 2
    assert [time.run_s for time in planned.variants] == walls
    assert planned.wall_s == pytest.approx(sum(walls))
    sizes = [store.file_of(record.digest).stat().st_size for record in records]
    assert planned.record_bytes == round(sum(sizes) / 4)
    assert planned.machines == ()
    text = shown(planned)
    assert text.count("recorded\n") + text.count("recorded ") >= 4
    assert "the median of 2 records" in text


def test_the_estimated_size_is_near_the_real_one(store: Store, tmp_path: Path) -> None:
    planned = dry_run(tiny_suite(), Store(tmp_path / "none"), workers=1, seconds=0.1)
    sizes = [store.file_of(record.digest).stat().st_size for record in store]
    assert planned.record_bytes == pytest.approx(sum(sizes) / len(sizes), rel=0.3)


def test_all_recorded_takes_no_time(store: Store) -> None:
    planned = dry_run(tiny_suite(seeds=(0, 1)), store, workers=1)
    assert (planned.variants, planned.wall_s, planned.images_to_train) == ((), 0.0, 0)


def test_many_runs_are_counted(store: Store) -> None:
    planned = dry_run(tiny_suite(seeds=tuple(range(MOST_LISTED // 2 + 1))), store, workers=1)
    text = shown(planned, 80)
    assert "digest" not in text
    assert [line.split() for line in text.splitlines()[1:3]] == [["none", "2", "19"], ["sge:groups=4", "2", "19"]]


def test_a_mistake_shows(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="groups must divide channels"):
        dry_run(tiny_suite(("none", "sge")), Store(tmp_path), workers=1)


def test_the_estimated_size_counts_what_the_test_images_were_made_from(tmp_path: Path) -> None:
    data = "cluttered-digits:test_images=2000,train_images=96,validation_images=40"
    suite = replace(tiny_suite(("none",), epochs=1), data=data)
    planned = dry_run(suite, Store(tmp_path / "none"), workers=1, seconds=0.1)
    assert planned.record_bytes == pytest.approx(len(run_spec(expand(suite)[0]).to_json()), rel=0.1)
