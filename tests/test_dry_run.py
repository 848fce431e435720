from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
from rich.console import Console

from attnbench.cli.dry_run import MOST_LISTED, print_dry_run
from attnbench.detection_record import DetectionStore
from attnbench.detection_spec import DetectionSuite, detection_digest
from attnbench.detection_suite import execute_detection, expand_detection
from attnbench.diverged_record import DivergedStore
from attnbench.dry_run import detection_dry_run, dry_run
from attnbench.errors import SpecError
from attnbench.executors.in_process import InProcessExecutor
from attnbench.prospect import DryRun
from attnbench.record import Store
from attnbench.run import run_spec
from attnbench.spec import digest
from attnbench.step_times import StepTimes
from attnbench.suite import checkpoint_name, expand, run_suite
from tests.detection_records import make_detection_record
from tests.diverged_records import diverged_in_place_of
from tests.tiny import tiny_suite
from tests.tiny_detection import TINY_DETECTORS, tiny_detection


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
    # torch alone takes more.
    assert all(time.peak_memory_bytes and time.peak_memory_bytes > 1e8 for time in planned.variants)
    assert planned.wall_s == pytest.approx(sum(2 * time.run_s for time in planned.variants) / 2)
    assert "4 runs, of which 4 would be trained" in shown(planned)


def test_steps_are_timed_as_they_are_where_runs_compile(tmp_path: Path, graphs: list[object]) -> None:
    suite = tiny_suite(("sge:groups=4",), epochs=1)
    suite = replace(suite, baseline="sge:groups=4", compute=replace(suite.compute, compile="attention"))
    planned = dry_run(suite, Store(tmp_path), workers=1, seconds=0.1)
    assert graphs == []
    assert "They were not compiled, as the runs would be." in " ".join(shown(planned).split())
    assert "compiled" not in shown(replace(planned, is_compiled=False))


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


def test_what_else_is_measured_adds_to_time_and_size(tmp_path: Path) -> None:
    suite = tiny_suite(attention=("none",), epochs=1)
    scored = replace(suite, measure=replace(suite.measure, localisation_images=40, corruptions=("noise", "blur")))
    plain, further = (dry_run(of, Store(tmp_path / "none"), workers=1, seconds=0.5) for of in (suite, scored))
    record = run_spec(expand(scored)[0])
    assert further.record_bytes == pytest.approx(len(record.to_json()), rel=0.3)
    assert further.record_bytes > 1.2 * plain.record_bytes
    assert further.variants[0].run_s > plain.variants[0].run_s


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


def test_what_diverged_would_not_be_trained(store: Store, tmp_path: Path) -> None:
    (first, *_) = records = list(store)
    (tmp_path / "records").mkdir()
    for record in records[1:]:
        Store(tmp_path / "records").add(record)
    DivergedStore(tmp_path / "records").add(diverged_in_place_of(first))
    planned = dry_run(tiny_suite(seeds=(0, 1)), Store(tmp_path / "records"), workers=1)
    assert [run.digest for run in planned.runs if run.has_diverged] == [first.digest]
    assert (planned.missing, planned.variants) == ((), ())
    (line,) = (line for line in shown(planned).splitlines() if first.digest in line)
    assert line.split()[-1] == "diverged"
    many = dry_run(tiny_suite(seeds=tuple(range(MOST_LISTED // 2 + 1))), Store(tmp_path / "records"), workers=1)
    rows = [line.split() for line in shown(many, 80).splitlines()[:3]]
    assert rows[0] == ["variant", "recorded", "diverged", "missing"]
    (row,) = (row for row in rows[1:] if row[0] == first.spec.attention)
    assert row[1:] == ["1", "1", "19"]
    Store(tmp_path / "records").add(first)
    planned = dry_run(tiny_suite(seeds=(0, 1)), Store(tmp_path / "records"), workers=1)
    assert not any(run.has_diverged for run in planned.runs)


def test_a_mistake_shows(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="groups must divide channels"):
        dry_run(tiny_suite(("none", "sge")), Store(tmp_path), workers=1)


def test_the_estimated_size_counts_what_the_test_images_were_made_from(tmp_path: Path) -> None:
    data = "cluttered-digits:test_images=2000,train_images=96,validation_images=40"
    suite = replace(tiny_suite(("none",), epochs=1), data=data)
    planned = dry_run(suite, Store(tmp_path / "none"), workers=1, seconds=0.1)
    assert planned.record_bytes == pytest.approx(len(run_spec(expand(suite)[0]).to_json()), rel=0.1)


def detectors() -> DetectionSuite:
    names = [TINY_DETECTORS["retinanet"], TINY_DETECTORS["mask-rcnn"]]
    return replace(tiny_detection(), detector=tuple(names), seeds=(0, 1))


def test_detectors_are_timed_each_with_each_variant_and_nothing_is_written(tmp_path: Path) -> None:
    suite = detectors()
    planned = detection_dry_run(suite, DetectionStore(tmp_path / "none"), workers=1, seconds=0.1)
    assert not list(tmp_path.iterdir())
    assert [(run.digest, run.seed) for run in planned.runs] == [
        (detection_digest(run), run.seed) for run in expand_detection(suite)
    ]
    assert [(time.detector, time.attention, time.num_missing) for time in planned.variants] == [
        (detector, attention, 2) for detector in ("retinanet", "mask-rcnn") for attention in ("none", "sge:groups=4")
    ]
    assert planned.images_to_train == 8 * 2 * 8
    assert all(time.num_steps >= 1 and time.run_s > 0 for time in planned.variants)
    text = shown(planned)
    assert "8 runs, of which 8 would be trained; nothing was." in text
    assert f"{planned.runs[-1].digest}  mask-rcnn  sge:groups=4     1  missing" in text
    assert "sge:groups=4 in mask-rcnn: " in text
    assert "Memory of a run: up to " in text
    assert "(at most)" in text


def test_a_run_takes_its_steps_and_validations_as_often_as_the_recipe_says(monkeypatch: pytest.MonkeyPatch) -> None:
    times = StepTimes(training_step_s=10.0, evaluation_step_s=1.0, num_steps=1, peak_memory_bytes=5)
    monkeypatch.setattr("attnbench.dry_run.time_steps", lambda *arguments, **keywords: times)
    suite = tiny_detection("retinanet", "none", epochs=5, validate_every=2, batch_size=2, accumulate=2)
    planned = detection_dry_run(suite, DetectionStore(Path("none")), workers=1)
    # 8 images in parts of one in training and of one in evaluation; 2 validations of 2 images, and a test of 4.
    assert [time.run_s for time in planned.variants] == [5 * 8 * 10.0 + 2 * 2 * 1.0 + 4 * 1.0]


def test_a_detector_that_departs_from_the_recipe_is_counted_and_timed_by_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = StepTimes(training_step_s=10.0, evaluation_step_s=1.0, num_steps=1, peak_memory_bytes=5)
    monkeypatch.setattr("attnbench.dry_run.time_steps", lambda *arguments, **keywords: times)
    names = TINY_DETECTORS["faster-rcnn"], TINY_DETECTORS["retinanet"]
    suite = tiny_detection("faster-rcnn", "none", epochs=2, validate_every=0, batch_size=4)
    suite = replace(suite, detector=names, detector_recipe={"retinanet": {"epochs": 3, "batch_size": 8}})
    planned = detection_dry_run(suite, DetectionStore(Path("none")), workers=1)
    # 8 images in two steps or one; the test of 4 images is one batch.
    assert [time.run_s for time in planned.variants] == [2 * 2 * 10.0 + 1.0, 3 * 1 * 10.0 + 1.0]
    assert planned.images_to_train == 8 * 2 + 8 * 3
    assert "Images: 8 training images × (2 epochs × 1 run + 3 epochs × 1 run) = 40." in shown(planned)


def test_records_of_other_seeds_tell_the_time_of_a_detector(tmp_path: Path) -> None:
    suite, store = replace(tiny_detection("retinanet", "none"), seeds=(0, 1)), DetectionStore(tmp_path)
    first = expand_detection(suite)[0]
    store.add(replace(make_detection_record(), digest=detection_digest(first), spec=first))
    planned = detection_dry_run(suite, store, workers=1)
    (time,) = planned.variants
    assert (time.run_s, time.num_records, time.num_steps, time.peak_memory_bytes) == (310.0, 1, 0, None)
    assert [run.is_recorded for run in planned.runs] == [True, False]
    assert planned.record_bytes == store.file_of(store.digests()[0]).stat().st_size


def test_a_run_whose_checkpoint_is_missing_would_be_trained(tmp_path: Path) -> None:
    suite, store = tiny_detection("retinanet", "none"), DetectionStore(tmp_path)
    (spec,) = expand_detection(suite)
    store.add(replace(make_detection_record(), digest=detection_digest(spec), spec=spec))
    folder = tmp_path / "detectors"
    assert len(detection_dry_run(suite, store, workers=1, checkpoints=folder).missing) == 1
    assert not folder.exists()
    folder.mkdir()
    (folder / checkpoint_name(spec)).write_bytes(b"")
    assert detection_dry_run(suite, store, workers=1, checkpoints=folder).missing == ()


def test_a_record_of_a_detector_is_no_larger_than_is_said(tmp_path: Path) -> None:
    suite = tiny_detection("mask-rcnn", "none", epochs=1)
    planned = detection_dry_run(suite, DetectionStore(tmp_path / "none"), workers=1, seconds=0.1)
    (spec,) = expand_detection(suite)
    record = execute_detection(spec, tmp_path)
    assert record.box_matches.num_detections <= 100 * 4
    assert 0.05 * planned.record_bytes < len(record.to_json()) <= planned.record_bytes


def test_a_mistake_in_a_detector_shows(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="groups must divide channels"):
        detection_dry_run(
            tiny_detection("retinanet", "none", "sge:groups=7"), DetectionStore(tmp_path), workers=1, seconds=0.1
        )
