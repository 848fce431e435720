import math
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch

from attnbench.attention import ATTENTION
from attnbench.detection import create_detector, has_masks
from attnbench.detection_parts import build_run_detector, read_detection_data, resized
from attnbench.detection_record import DetectionEpoch, DetectionRecord, DetectionStore
from attnbench.detection_run import run_detection
from attnbench.detection_spec import DetectionRecipe, DetectionRun, detection_digest
from attnbench.detection_suite import expand_detection
from attnbench.detector_training import FittedDetector, evaluate_detector, fit_detector
from attnbench.errors import CheckpointError, DivergedError, SpecError
from attnbench.models import create_model, save_weights
from attnbench.resuming import StateFile
from attnbench.spec import Compute
from attnbench.tasks.detection import Detection
from tests.tiny_detection import TINY_BODY, TINY_DETECTORS, tiny_detection

OF_DETECTORS = pytest.mark.parametrize("detector", list(TINY_DETECTORS))


def run_of(detector: str = "faster-rcnn", attention: str = "sge:groups=4", **fields: Any) -> DetectionRun:
    return expand_detection(tiny_detection(detector, "none", attention, **fields))[-1]


def without_timing(record: DetectionRecord) -> dict[str, Any]:
    return {name: value for name, value in asdict(record).items() if name != "timing"}


@OF_DETECTORS
def test_a_run_cut_off_after_an_epoch_goes_on_to_the_same_record(detector: str, tmp_path: Path) -> None:
    spec, state = run_of(detector), tmp_path / "state.ckpt"
    whole = run_detection(spec)

    class CutOffError(Exception):
        pass

    def cut_off(phase: str, done: int, total: int) -> None:
        if phase == "train" and state.exists():
            raise CutOffError

    # Progress is told of every few steps only; here an epoch has two.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("attnbench.callbacks._STEPS_BETWEEN_REPORTS", 1)
        with pytest.raises(CutOffError):
            run_detection(spec, on_progress=cut_off, resume=state)
    resumed = run_detection(spec, resume=state)
    assert without_timing(resumed) == without_timing(whole)
    assert [point.epoch for point in whole.curve] == [1, 2]
    assert all(point.validation is not None for point in whole.curve)
    assert (whole.values.mask is not None) == (detector == "mask-rcnn") == (whole.mask_matches is not None)
    assert DetectionRecord.from_json(whole.to_json(), source="a test") == whole


@pytest.mark.parametrize("attention", sorted(ATTENTION.names()))
def test_every_registered_attention_trains_in_some_detector(attention: str) -> None:
    names = list(TINY_DETECTORS)
    detector = names[sorted(ATTENTION.names()).index(attention) % len(names)]
    variant = {"sge": "sge:groups=4", "sa": "sa:groups=8"}.get(attention, attention)
    spec = run_of(detector, variant, epochs=1)
    record = run_detection(spec)
    assert record.values.num_attention_modules > 0
    assert record.curve[0].train_losses
    assert all(loss > 0 for loss in record.curve[0].train_losses.values())
    assert len(record.timing.forward_ms) == len(record.timing.baseline_forward_ms) == 1


@OF_DETECTORS
def test_a_saved_detector_detects_the_same(detector: str, tmp_path: Path) -> None:
    spec, checkpoint = run_of(detector, epochs=1), tmp_path / "detector.ckpt"
    record = run_detection(spec, checkpoint=checkpoint)
    data = read_detection_data(spec)
    again = create_detector(
        spec.detector, spec.backbone, spec.attention, num_classes=data.num_classes, short_side=64, long_side=64, seed=5
    )
    weights = torch.load(checkpoint, weights_only=True)["state_dict"]
    again.load_state_dict({name.removeprefix("model."): value for name, value in weights.items()})
    scored = evaluate_detector(
        again, data, recipe=spec.recipe, compute=spec.compute, num_classes=data.num_classes,
        has_masks=detector == "mask-rcnn",
    )  # fmt: skip
    assert scored.box == record.values.box
    assert scored.mask == record.values.mask


def test_parts_of_a_step_train_as_the_whole_step_does(tmp_path: Path) -> None:
    # Batch norms that keep their statistics do not see how a step is divided. The R-CNNs draw regions by the pass.
    # A loss is divided by the image's own objects, so a mean of parts is the mean of the whole.
    (whole, weights), (parts, weights_of_parts) = (
        trained(run_of("retinanet", norm="eval", epochs=1, accumulate=accumulate), tmp_path / "detector.ckpt")
        for accumulate in (1, 4)
    )
    assert parts.curve[0].train_losses == pytest.approx(whole.curve[0].train_losses, rel=1e-4)
    torch.testing.assert_close(weights_of_parts, weights, rtol=1e-4, atol=1e-6)
    untrained, _ = trained(run_of("retinanet", norm="eval", epochs=1, learning_rate=1e-12), tmp_path / "detector.ckpt")
    assert untrained.curve != whole.curve


def trained(spec: DetectionRun, checkpoint: Path) -> tuple[DetectionRecord, dict[str, torch.Tensor]]:
    record = run_detection(spec, checkpoint=checkpoint)
    return record, torch.load(checkpoint, weights_only=True)["state_dict"]


@pytest.mark.parametrize("fields", [{"accumulate": 2}, {"norm": "eval"}, {"norm": "frozen", "frozen_stages": 2}])
def test_a_training_cut_off_before_its_last_epoch_or_its_test_goes_on(fields: dict[str, Any], tmp_path: Path) -> None:
    spec = run_of(**fields)
    points: list[DetectionEpoch] = []

    def cut_off(epoch: int) -> Callable[[DetectionEpoch], None]:
        def end(point: DetectionEpoch) -> None:
            points.append(point)
            if point.epoch == epoch:
                raise KeyError("cut off")

        return end

    whole, weights = trained(spec, tmp_path / "whole.ckpt")
    with pytest.raises(KeyError, match="cut off"):
        fit_run(spec, on_epoch=cut_off(2), resume=tmp_path / "state.ckpt")
    assert [point.epoch for point in points] == [1, 2]
    fitted = fit_run(spec, resume=tmp_path / "state.ckpt")
    assert fitted.curve == whole.curve
    assert fitted.earlier_s > 0  # it went on, and did not start anew
    # All epochs are done now, and nothing is tested.
    resumed = run_detection(spec, checkpoint=tmp_path / "resumed.ckpt", resume=tmp_path / "state.ckpt")
    assert without_timing(resumed) == without_timing(whole)
    again = torch.load(tmp_path / "resumed.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(again[name], value) for name, value in weights.items())


def fit_run(spec: DetectionRun, *, resume: Path, **options: Any) -> FittedDetector:
    data = read_detection_data(spec)
    model = build_run_detector(spec, spec.attention, data, weights=None).model
    lightning.seed_everything(spec.seed, verbose=False)
    return fit_detector(
        model, data, recipe=spec.recipe, compute=spec.compute, num_classes=data.num_classes,
        has_masks=has_masks(spec.detector), resume=StateFile(path=resume, digest=detection_digest(spec)), **options,
    )  # fmt: skip


@OF_DETECTORS
def test_half_precision_trains_evaluates_and_resumes(detector: str, tmp_path: Path) -> None:
    spec = run_of(detector, compute=Compute(device="cpu", precision="bfloat16"))
    whole = run_detection(spec)
    single = run_detection(replace(spec, compute=Compute(device="cpu")))
    for point, expected in zip(whole.curve, single.curve, strict=True):
        # Three digits of bfloat16; the regions are drawn by the same numbers.
        assert point.train_losses != expected.train_losses
        assert sum(point.train_losses.values()) == pytest.approx(sum(expected.train_losses.values()), rel=0.05)
    fit_run(spec, resume=tmp_path / "state.ckpt")
    assert without_timing(run_detection(spec, resume=tmp_path / "state.ckpt")) == without_timing(whole)


def test_weights_of_a_classifier_start_the_body(tmp_path: Path) -> None:
    file = tmp_path / "classifier.pth"
    save_weights(create_model(TINY_BODY, "sge:groups=4", num_classes=3, image_size=(64, 64), seed=9), file)
    fields = {"epochs": 1, "learning_rate": 1e-12, "norm": "frozen", "attention": ("sge:groups=4",)}
    suite = tiny_detection("retinanet", baseline="sge:groups=4", weights=str(file), **fields)
    (spec,) = expand_detection(suite)
    assert spec.weights_sha256 is not None
    from_scratch = run_detection(replace(spec, weights=None, weights_sha256=None))
    from_file = run_detection(spec)
    assert from_file.curve[0].train_losses != from_scratch.curve[0].train_losses
    save_weights(create_model(TINY_BODY, "sge:groups=4", num_classes=3, image_size=(64, 64), seed=8), file)
    with pytest.raises(CheckpointError, match="has changed since the spec was written"):
        run_detection(spec)


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    """Eight images in batches of one: the first step is made of two, and after it no loss is finite."""
    spec = run_of("retinanet", learning_rate=1e20, warmup_steps=0, batch_size=2, accumulate=2, validate_every=0)
    said = (
        r"^the training loss classification is nan at step 2 \(epoch 1 of 2\); try a smaller learning_rate than 1e\+20,"
    )
    with pytest.raises(DivergedError, match=said) as caught:
        run_detection(spec)
    assert (caught.value.loss, caught.value.curve) == ("training loss classification", ())


def test_of_several_parts_the_first_not_finite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight images in batches of two, in two parts a step: batch 7 is in step 4 of the first epoch."""
    step = Detection.training_step
    spoiled = {("bbox_regression", 6): math.inf, ("classification", 7): math.nan}

    def breaking(self: Detection, batch: Any, index: int) -> torch.Tensor:
        loss = step(self, batch, index)
        for (part, place), value in spoiled.items():
            if place == index and self.current_epoch == 1:
                self.train_losses[part]._losses[-1] = torch.tensor(value)
        return loss

    monkeypatch.setattr(Detection, "training_step", breaking)
    spec = run_of("retinanet", batch_size=2, accumulate=2, validate_every=0)
    with pytest.raises(
        DivergedError, match=r"^the training loss bbox_regression is inf at step 8 \(epoch 2 of 2\)"
    ) as caught:
        run_detection(spec)
    assert [point.epoch for point in caught.value.curve] == [1]


def test_an_epoch_without_validation_has_none() -> None:
    spec = run_of("faster-rcnn", epochs=3, validate_every=2)
    points: list[DetectionEpoch] = []
    data = read_detection_data(spec)
    model = create_detector(spec.detector, spec.backbone, num_classes=10, short_side=64, long_side=64)
    fit_detector(
        model, data, recipe=spec.recipe, compute=spec.compute, num_classes=10, has_masks=False, on_epoch=points.append
    )
    assert [point.validation is not None for point in points] == [False, True, False]


def test_compiled_modules_train_as_plain_ones_do(graphs: list[object]) -> None:
    spec = run_of(epochs=1)
    plain = run_detection(spec)
    assert (plain.timing.compile_s, graphs) == (None, [])
    compiled = run_detection(replace(spec, compute=Compute(device="cpu", compile="attention")))
    assert (compiled.curve, compiled.values) == (plain.curve, plain.values)
    assert compiled.timing.compile_s is not None
    assert compiled.timing.compile_s > 0
    assert graphs


def test_a_whole_detector_is_not_compiled() -> None:
    spec = run_of("retinanet", compute=Compute(device="cpu", compile="model"))
    with pytest.raises(SpecError, match=r"in its attention modules only: .* got compile='model', allowed: none, atten"):
        run_detection(spec)


def test_images_are_resized_to_the_short_side_within_the_long_one() -> None:
    recipe = DetectionRecipe()
    assert resized(torch.zeros(3, 480, 640), recipe) == (800, 1066)
    assert resized(torch.zeros(3, 300, 900), recipe) == (444, 1333)


def test_a_record_lies_beside_those_of_classification(tmp_path: Path) -> None:
    record = run_detection(run_of(epochs=1))
    store = DetectionStore(tmp_path)
    file = store.add(record)
    assert os.path.basename(file) == f"{record.digest}.detection.json"
    assert store.get(record.digest) == record
