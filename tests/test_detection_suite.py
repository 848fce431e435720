from dataclasses import replace
from pathlib import Path

import pytest
import torch

from attnbench.data.detection import DETECTION_DATA
from attnbench.detection import DETECTORS
from attnbench.detection_parts import read_detection_data
from attnbench.detection_record import DetectionRecord, DetectionStore
from attnbench.detection_run import run_detection
from attnbench.detection_spec import DetectionRun, DetectionSuite, detection_digest
from attnbench.detection_suite import (
    check_detection,
    detection_grid,
    execute_detection,
    expand_detection,
)
from attnbench.errors import CheckpointError, DataError, PlacementError, PluginError, SpecError, UnknownNameError
from attnbench.execution import STATES, run_missing
from attnbench.executors.in_process import InProcessExecutor
from attnbench.executors.workers import WorkerExecutor
from attnbench.grid import Failure
from attnbench.plugins import plugin_file
from attnbench.spec import Compute, PluginFile
from attnbench.suite import checkpoint_name
from attnbench.tasks.detection import Detection
from tests.data.detection.conftest import make_user_folder
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


OWN = """
from attnbench.data.detection import register_detection_data
from attnbench.data.detection.cluttered_scenes import ClutteredScenes
from attnbench.detection import register_detector
from attnbench.detection.retinanet import retinanet

@register_detection_data("own-scenes")
class OwnScenes(ClutteredScenes): ...

@register_detector("own-detector", has_masks=False)
def own_detector(body, *, num_classes: int, short_side: int, long_side: int):
    return retinanet(body, num_classes=num_classes, short_side=short_side, long_side=long_side, anchor_size=8)
"""


def test_a_users_file_is_part_of_the_runs_of_what_it_registers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (DETECTORS, DETECTION_DATA):
        monkeypatch.setattr(registry, "_objects", dict(registry._objects))
    file = tmp_path / "own.py"
    file.write_text(OWN)
    suite = replace(tiny_detection("retinanet"), attention=("none",), imports=(str(file),))
    own_data = replace(suite, data=suite.data.replace("cluttered-scenes", "own-scenes"))
    own_detector = replace(suite, detector=("own-detector",))

    def plugins(suite: DetectionSuite) -> tuple[PluginFile | None, ...]:
        (run,) = expand_detection(suite)
        return run.plugin, run.detector_plugin, run.data_plugin

    own = plugin_file(str(file))
    assert plugins(suite) == (None, None, None)
    assert plugins(own_data) == (None, None, own)
    assert plugins(own_detector) == (None, own, None)
    before = [expand_detection(each)[0] for each in (suite, own_data, own_detector)]
    assert len({detection_digest(run) for run in before}) == 3
    file.write_text(OWN + "\n# edited\n")
    after = [expand_detection(each)[0] for each in (suite, own_data, own_detector)]
    changed = [detection_digest(old) != detection_digest(new) for old, new in zip(before, after, strict=True)]
    assert changed == [False, True, True]
    for run in before[1:]:
        with pytest.raises(PluginError, match=r"own\.py has changed since the spec was written"):
            run_detection(run)


def test_each_variant_starts_from_its_own_file(tmp_path: Path) -> None:
    suite = tiny_detection(weights=str(tmp_path / "{attention}.pth"))
    with pytest.raises(CheckpointError, match=r"cannot read .*none\.pth.*: name files that are there"):
        expand_detection(suite)


def test_reading_processes_reach_the_data_set(tmp_path: Path) -> None:
    folder = make_user_folder(tmp_path)
    suite = replace(
        tiny_detection("retinanet", "none", validate_every=0), root=str(folder), annotations=("train.json", "test.json")
    )
    workers = []
    for data in ("coco", "coco:workers=3"):
        (spec,) = expand_detection(replace(suite, data=data))
        workers.append(read_detection_data(spec).train_dataloader().workers)
        assert detection_digest(spec) == detection_digest(expand_detection(replace(suite, data="coco"))[0])
    assert workers == [0, 3]
    for mistake, said in (("workers=-1", "workers must be at least 0"), ("workers=many", "workers must be an integer")):
        with pytest.raises(SpecError, match=said):
            check_detection(replace(suite, data=f"coco:{mistake}"))
    with pytest.raises(SpecError, match="no setting 'workers'"):
        check_detection(tiny_detection(data="cluttered-scenes:workers=2"))


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
    assert not (tmp_path / STATES).exists()
    assert first.missing(store) == []


class PowerCutError(BaseException):
    """What ends a run at once."""


def cut_off(*args: object, **kwargs: object) -> None:
    raise PowerCutError


def test_a_run_cut_off_between_its_detector_and_its_record_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, checkpoints = DetectionStore(tmp_path / "store"), tmp_path / "detectors"
    checkpoints.mkdir()
    grid = detection_grid(tiny_detection("retinanet", epochs=1, attention=("none",)), checkpoints=checkpoints)
    (spec,) = grid.specs
    with monkeypatch.context() as patch:
        patch.setattr(DetectionStore, "add", cut_off)
        with pytest.raises(PowerCutError):
            grid.execute(spec, store.path)
    detector = checkpoints / checkpoint_name(spec)
    weights = torch.load(detector, weights_only=True)["state_dict"]
    assert grid.missing(store) == [spec]
    with monkeypatch.context() as patch:
        patch.setattr(Detection, "training_step", cut_off)  # what is trained is not trained again
        record = grid.execute(spec, store.path)
    assert grid.missing(store) == []
    assert not (store.path / STATES).exists()
    again = torch.load(detector, weights_only=True)["state_dict"]
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    whole = run_detection(spec)
    assert (record.curve, record.values, record.box_matches) == (whole.curve, whole.values, whole.box_matches)
    assert record.timing.wall_s > record.timing.train_s > 0


def test_a_run_cut_off_after_its_record_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DetectionStore(tmp_path)
    grid = detection_grid(tiny_detection("retinanet", epochs=1, attention=("none",)))
    monkeypatch.setattr("attnbench.execution.remove_state", cut_off)
    with pytest.raises(PowerCutError):
        grid.execute(grid.specs[0], store.path)
    assert grid.missing(store) == []


def test_a_foreign_file_in_the_place_of_a_state_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = DetectionStore(tmp_path)
    grid = detection_grid(tiny_detection("retinanet", epochs=1, attention=("none",)))
    (spec,) = grid.specs
    (tmp_path / STATES).mkdir()
    (tmp_path / STATES / f"{grid.digest_of(spec)}.ckpt").write_text("a text")
    grid.execute(spec, store.path)
    assert "starts anew" in caplog.text
    assert [file.name for file in (tmp_path / STATES).iterdir()] == [f"{grid.digest_of(spec)}.damaged"]
    assert grid.missing(store) == []


def test_workers_give_the_same_records(tmp_path: Path) -> None:
    suite = replace(tiny_detection("retinanet", epochs=1), seeds=(0,))
    grid = detection_grid(suite)
    here = run_missing(grid, DetectionStore(tmp_path / "a"), executor=InProcessExecutor(), on_finished=lambda _: None)
    with WorkerExecutor(2, on_progress=lambda *_: None, on_notice=print) as executor:
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
