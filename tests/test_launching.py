"""Two CPU processes train as one does, where that is definable: without batch statistics and without drawn regions."""

import dataclasses
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from torch import nn

from attnbench.data import build_data
from attnbench.detection_parts import build_run_detector, read_detection_data
from attnbench.detection_record import DetectionEpoch, DetectionRecord
from attnbench.detection_run import run_detection
from attnbench.detection_spec import DetectionRun
from attnbench.detection_suite import expand_detection
from attnbench.detector_training import fit_detector
from attnbench.diverged_record import DivergedStore
from attnbench.errors import DivergedError, TrainingError
from attnbench.execution import set_progress
from attnbench.hardware import use_threads
from attnbench.launching import on_ranks
from attnbench.measure.average_precision import Evaluation, Scored
from attnbench.ranks import gathered, leads, num_ranks, seed_of_rank, this_share
from attnbench.record import Store
from attnbench.resuming import StateFile
from attnbench.spec import Compute, Recipe
from attnbench.suite import execute, expand
from attnbench.training import evaluate, fit
from tests.measure.test_average_precision import random_scenes
from tests.tiny import tiny_suite
from tests.tiny_detection import tiny_detection

pytestmark = pytest.mark.slow

TWO = Compute(device="cpu", devices=2)
# The last batch of an evaluation has one image, and so none for rank one.
UNEVEN_DIGITS = "cluttered-digits:test_images=33,train_images=96,validation_images=33"
UNEVEN_SCENES = "cluttered-scenes:size=64,test_images=5,train_images=8,validation_images=5"


def everything(spec: None, *, on_progress: Callable[..., None] | None = None, folder: Path) -> dict[str, Any]:
    """What is compared between one process and two; in one call, since processes take seconds to start."""
    with use_threads(1):
        return {
            "ranks": gathered((num_ranks(), seed_of_rank(7), os.getpid())),
            "classification": classified(),
            "statistics": statistics(),
            "detection": detected(folder / "detector.ckpt"),
            "average precision": scored(),
            "resumed": resumed(folder / "state.ckpt"),
        }


def classified() -> tuple[Any, Any, list[torch.Tensor]]:
    """Training and test of a network without batch statistics, on augmented images."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2), nn.GroupNorm(2, 8), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
        nn.Linear(72, 10),
    )  # fmt: skip
    recipe = Recipe(epochs=3, batch_size=32, learning_rate=0.05, crop_padding=2, horizontal_flip=True)
    fitted = fit(model, digits(recipe), recipe=recipe, compute=Compute(device="cpu"), num_classes=10)
    tested = evaluate(model, digits(recipe), recipe=recipe, compute=Compute(device="cpu"), num_classes=10)
    return fitted, tested, [weight.detach() for weight in model.parameters()]


def digits(recipe: Recipe) -> lightning.LightningDataModule:
    data = build_data(UNEVEN_DIGITS, root=None, recipe=recipe, seed=0, device=torch.device("cpu"))
    data.setup("fit")
    return data


def statistics() -> list[list[torch.Tensor]]:
    """Of each rank, the buffers of a batch norm that sees the images themselves, after two epochs."""
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))
    recipe = Recipe(epochs=2, batch_size=32, learning_rate=1e-6, selection="last")
    fit(model, digits(recipe), recipe=recipe, compute=Compute(device="cpu"), num_classes=10)
    return gathered([buffer.clone() for buffer in model.buffers()])


def retina() -> DetectionRun:
    (spec,) = expand_detection(tiny_detection("retinanet", "none", data=UNEVEN_SCENES, norm="eval"))
    return spec


def detected(checkpoint: Path) -> tuple[DetectionRecord, dict[str, torch.Tensor]]:
    """A RetinaNet that keeps its batch statistics; in two ranks also in two parts a step."""
    spec = retina()
    if num_ranks() > 1:
        recipe = dataclasses.replace(spec.recipe, accumulate=2)
        spec = dataclasses.replace(spec, compute=TWO, recipe=recipe)
    record = run_detection(spec, checkpoint=checkpoint)
    return record, torch.load(checkpoint, weights_only=True)["state_dict"]


def scored() -> Scored | None:
    """Hard scenes, of which each rank gets its share."""
    pairs = random_scenes(3)[this_share().part]
    evaluation = Evaluation(num_classes=4, has_masks=True)
    for prediction, target in pairs:
        evaluation.update([prediction], [target])
    evaluation.gather()
    evaluation.gather()
    return evaluation.compute() if leads() else None


class CutOffError(Exception):
    """What ends a training in its second epoch."""


def resumed(file: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Weights of a detector that draws regions, and the seconds before it was cut off: of one that never was, first."""

    def cut_off(point: DetectionEpoch) -> None:
        if point.epoch == 2:
            raise CutOffError

    # The other rank may be on another machine, which has no such folder.
    state = StateFile(path=file if leads() else file.parent / "elsewhere" / file.name, digest="this run")
    with pytest.raises(CutOffError):
        trained(resume=state, on_epoch=cut_off)
    gathered("rank zero has written the state")
    return trained(), trained(resume=state)


def trained(**options: Any) -> dict[str, torch.Tensor]:
    (spec,) = expand_detection(tiny_detection("faster-rcnn", "none", validate_every=0))
    data = read_detection_data(spec)
    model = build_run_detector(spec, "none", data, weights=None).model
    lightning.seed_everything(seed_of_rank(spec.seed), verbose=False)
    fitted = fit_detector(
        model, data, recipe=spec.recipe, compute=spec.compute, num_classes=data.num_classes, has_masks=False, **options
    )
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    return weights | {"earlier_s": torch.tensor(fitted.earlier_s)}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return everything(None, folder=tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("together")
    return on_ranks(everything, None, compute=TWO, on_progress=lambda *event: None, folder=folder)


def test_ranks_are_processes_that_draw_differently(together: dict[str, Any]) -> None:
    (number, seed, process), (same_number, other_seed, other_process) = together["ranks"]
    assert number == same_number == 2
    assert seed == 7 != other_seed
    assert len({process, other_process, os.getpid()}) == 3


def test_a_classifier_has_the_curve_of_one_process(alone: dict[str, Any], together: dict[str, Any]) -> None:
    fitted, tested, weights = together["classification"]
    one_fitted, one_tested, one_weights = alone["classification"]
    assert len(fitted.curve) == 3
    for point, expected in zip(fitted.curve, one_fitted.curve, strict=True):
        assert dataclasses.asdict(point) == pytest.approx(dataclasses.asdict(expected), rel=1e-4)
    assert fitted.selected_epoch == one_fitted.selected_epoch
    torch.testing.assert_close(weights, one_weights, rtol=1e-4, atol=1e-5)
    assert tested.test == pytest.approx(one_tested.test, rel=1e-4)
    # Each image once, and at its own place.
    assert tested.test_correct.tolist() == one_tested.test_correct.tolist()
    assert 0 < tested.test_correct.sum() < len(tested.test_correct) == 33


def test_all_ranks_have_the_mean_statistics(alone: dict[str, Any], together: dict[str, Any]) -> None:
    ((one_mean, _, one_count),) = alone["statistics"]
    first, second = together["statistics"]
    assert all(map(torch.equal, first, second))
    mean, variance, count = first
    torch.testing.assert_close(mean, one_mean)
    assert variance != 1
    assert count == one_count == 6


def test_a_detector_has_the_curve_of_one_process(alone: dict[str, Any], together: dict[str, Any]) -> None:
    (record, weights), (one, one_weights) = together["detection"], alone["detection"]
    assert len(record.curve) == 2
    for point, expected in zip(record.curve, one.curve, strict=True):
        assert point.train_losses == pytest.approx(expected.train_losses, rel=1e-4)
        assert point.learning_rate == expected.learning_rate
    assert weights.keys() == one_weights.keys()
    torch.testing.assert_close(weights, one_weights, rtol=1e-4, atol=1e-5)
    assert record.box_matches.unpack().num_images == record.values.num_test_images == 5


def test_detections_of_all_ranks_are_scored_once(alone: dict[str, Any], together: dict[str, Any]) -> None:
    scored, expected = together["average precision"], alone["average precision"]
    assert expected.box.ap_percent > 10
    assert (scored.box, scored.mask) == (expected.box, expected.mask)
    assert scored.box_matches.num_images == expected.box_matches.num_images == 25


def test_a_training_cut_off_goes_on_to_the_same_bits(together: dict[str, Any]) -> None:
    never_cut, resumed = together["resumed"]
    assert never_cut.pop("earlier_s") == 0
    assert resumed.pop("earlier_s") > 0
    assert all(torch.equal(resumed[name], value) for name, value in never_cut.items())


def test_one_record_is_written_and_one_rank_is_heard(tmp_path: Path) -> None:
    (_, spec) = expand(dataclasses.replace(tiny_suite(epochs=4), compute=TWO))
    heard: list[tuple[str, int, int]] = []
    set_progress(lambda run, *event: heard.append(event))
    execute(spec, tmp_path)
    (record,) = Store(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [f"{record.digest}.json"]
    assert record.spec.compute.devices == 2
    assert record.test_correct.num_bits == 40
    assert record.values.test_top1_percent == pytest.approx(100 * record.test_correct.num_true / 40)
    assert heard == [("data", 0, 1), ("train", 10, 12), ("measure", 0, 1)]


def test_ranks_diverge_at_one_step(tmp_path: Path) -> None:
    (_, plain) = expand(tiny_suite(epochs=1))
    recipe = dataclasses.replace(plain.recipe, learning_rate=1e30)
    spec = dataclasses.replace(plain, recipe=recipe, compute=TWO)
    with pytest.raises(DivergedError, match=r"^the training loss is nan at step 2 \(epoch 1 of 1\)") as caught:
        execute(spec, tmp_path)
    assert list(DivergedStore(tmp_path)) == [caught.value.record]
    assert caught.value.record is not None
    assert caught.value.record.spec == spec


def test_ranks_compile_their_modules(tmp_path: Path) -> None:
    (_, plain) = expand(dataclasses.replace(tiny_suite(epochs=1), compute=TWO))
    compiled = dataclasses.replace(plain, compute=dataclasses.replace(TWO, compile="attention"))
    first, second = (execute(spec, tmp_path) for spec in (plain, compiled))
    assert first.timing.compile_s is None
    assert second.timing.compile_s is not None
    assert second.timing.compile_s > 0
    for name in ("train_loss", "validation_loss"):
        assert getattr(second.curve[0], name) == pytest.approx(getattr(first.curve[0], name), rel=1e-4)


def ends_badly(how: str, *, on_progress: Callable[..., None] | None, file: Path) -> None:
    """Rank zero says which process it is and waits for rank one, which never comes."""
    if leads():
        file.write_text(str(os.getpid()))
    gathered("it is written")
    if on_progress is not None:
        on_progress()
    if leads() or how == "waits":
        time.sleep(600)
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    raise DivergedError("the loss is nan", loss="training loss", value="nan", step=3, epoch=1, curve=())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("raises", DivergedError, "^the loss is nan$"),
        ("dies", TrainingError, "^one of the 2 processes of a run died, killed from outside or for lack of memory"),
        ("waits", KeyboardInterrupt, "^$"),
    ],
)
def test_what_ends_one_process_ends_all(how: str, error: type[BaseException], said: str, tmp_path: Path) -> None:
    def hear() -> None:
        if how == "waits":
            os.kill(os.getpid(), signal.SIGINT)  # Ctrl-C

    with pytest.raises(error, match=said):
        on_ranks(ends_badly, how, compute=TWO, on_progress=hear, file=tmp_path / "process")
    assert not Path("/proc", (tmp_path / "process").read_text()).exists()
