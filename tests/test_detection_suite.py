from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.detection_record import DetectionRecord, DetectionStore
from attnbench.detection_spec import DetectionRun
from attnbench.detection_suite import STATES, check_detection, detection_grid, execute_detection, expand_detection
from attnbench.errors import CheckpointError, DataError, PlacementError, SpecError, UnknownNameError
from attnbench.execution import Failure, run_missing
from attnbench.spec import Compute
from attnbench.workers import InProcessExecutor, open_executor
from tests.tiny_detection import TINY_DETECTORS, tiny_detection


def test_expands_seed_by_seed_and_detector_by_detector() -> None:
    suite = replace(tiny_detection("retinanet"), detector=("retinanet", "faster-rcnn"), seeds=(1, 0))
    runs = [(run.seed, run.detector, run.attention) for run in expand_detection(suite)]
    assert runs[:4] == [
        (1, "retinanet", "none"),
        (1, "retinanet", "sge:groups=4"),
        (1, "faster-rcnn", "none"),
        (1, "faster-rcnn", "sge:groups=4"),
    ]
    assert len(runs) == 8


def test_each_variant_starts_from_its_own_file(tmp_path: Path) -> None:
    suite = tiny_detection(weights=str(tmp_path / "{attention}.pth"))
    with pytest.raises(CheckpointError, match=r"cannot read .*none\.pth.*: name files that are there"):
        expand_detection(suite)


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"detector": ("yolo",)}, UnknownNameError, "yolo"),
        ({"detector": ("faster-rcnn:region=3",)}, SpecError, "region"),
        ({"attention": ("none", "sge:groups=7")}, SpecError, "groups"),
        ({"backbone": "convnext_tiny"}, PlacementError, "families resnet and cifar-resnet"),
        ({"data": "coco"}, DataError, "needs a root: name the folder"),
        ({"data": "cluttered-scenes:size=64,validation_images=0"}, SpecError, "needs a validation split"),
        ({"data": "cluttered-scenes:size=9"}, SpecError, "size must lie in"),
        (
            {"recipe": replace(tiny_detection().recipe, batch_size=16, accumulate=4)},
            SpecError,
            "batch_size must not exceed the training images where a step is divided; got batch_size=16, train_images=8",
        ),
        (
            {"compute": Compute(device="cpu", devices=4)},
            SpecError,
            "devices must not exceed the validation images; got devices=4, validation_images=2",
        ),
        (
            {
                "recipe": replace(tiny_detection().recipe, norm="sync"),
                "compute": Compute(device="cpu", devices=2),
            },
            SpecError,
            "norm sync needs GPUs: .* got norm='sync', devices=2, allowed there: train, eval, frozen",
        ),
    ],
)
def test_a_mistake_shows_before_training(fields: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        check_detection(replace(tiny_detection(), **fields))  # type: ignore[arg-type]


def test_goes_on_where_it_was(tmp_path: Path) -> None:
    store, ended = DetectionStore(tmp_path), list[DetectionRecord | Failure[DetectionRun]]()
    suite = tiny_detection("retinanet", epochs=1)
    first = detection_grid(suite)
    execute_detection(first.specs[0], store.path)
    result = run_missing(first, store, executor=InProcessExecutor(), on_finished=ended.append)
    assert [record.digest for record in result.records] == [first.digest_of(spec) for spec in first.specs]
    assert len(ended) == 1
    assert not list((tmp_path / STATES).iterdir())
    assert first.missing(store) == []


def test_workers_give_the_same_records(tmp_path: Path) -> None:
    suite = replace(tiny_detection("retinanet", epochs=1), seeds=(0,))
    grid = detection_grid(suite)
    here = run_missing(grid, DetectionStore(tmp_path / "a"), executor=InProcessExecutor(), on_finished=lambda _: None)
    with open_executor(2, imports=(), on_progress=lambda *_: None) as executor:
        there = run_missing(grid, DetectionStore(tmp_path / "b"), executor=executor, on_finished=lambda _: None)
    assert [(record.curve, record.values, record.box_matches) for record in here.records] == [
        (record.curve, record.values, record.box_matches) for record in there.records
    ]


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    suite = replace(tiny_detection("retinanet", epochs=1), detector=("faster-rcnn:no=1", TINY_DETECTORS["retinanet"]))
    grid = detection_grid(replace(suite, attention=("none",)))
    result = run_missing(grid, DetectionStore(tmp_path), executor=InProcessExecutor(), on_finished=lambda _: None)
    assert len(result.records) == 1
    (failure,) = result.failures
    assert failure.label == "faster-rcnn none seed 0"
    assert "no setting 'no'" in failure.reason
