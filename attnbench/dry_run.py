"""What a suite would train and what that would take, without training it: classifiers, and detectors."""

from functools import cache, partial
from pathlib import Path
from typing import get_args

from attnbench.data import ImageData
from attnbench.data.detection import DetectionData
from attnbench.detection import has_masks
from attnbench.detection_checks import check_run
from attnbench.detection_parts import build_run_detector, read_detection_data
from attnbench.detection_record import AveragePrecisions, DetectionEpoch, DetectionStore
from attnbench.detection_spec import DetectionRecipe, DetectionRun, DetectionSuite
from attnbench.detection_suite import detection_grid
from attnbench.localisation_record import MapKind
from attnbench.matches import AREAS, IOU_THRESHOLDS
from attnbench.measure.corruption import strengths
from attnbench.packed import PackedIntegers
from attnbench.prospect import DryRun, Prospect, look_ahead
from attnbench.record import Epoch, Store
from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.step_times import StepTimes, time_steps
from attnbench.store import encode_record
from attnbench.suite import expand, has_checkpoint
from attnbench.tasks import Classification
from attnbench.tasks.detection import Detection
from attnbench.variant import short_names

SECONDS_A_VARIANT = 5.0
"""Timing of a variant's steps stops at the first step that ends later than this."""

_BYTES_A_TIMED_PASS = 24
"""One number of milliseconds in a record's JSON, with its line."""
_BYTES_OF_THE_REST = 1500
"""Environment, values and the names of the fields in a record's JSON."""
_BYTES_OF_AN_ANSWER = 120
"""The names of the fields beside a test's right answers."""
_TESTS_OF_LOCALISATION = 8
"""Validation and test images, each forward for attention, forward and backward for Grad-CAM, and scored."""
_BYTES_A_DETECTION = (4 + 2 + 4 + 2 * len(AREAS) * len(IOU_THRESHOLDS) // 8) * 4 // 3
"""One detection of a record, as if it could not be compressed; see `attnbench.matches.Matches`."""
_DETECTIONS_AN_IMAGE = 100
"""No more are scored."""
_LOSSES = ("loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg")


def dry_run(
    suite: SuiteSpec,
    store: Store,
    *,
    workers: int | None,
    checkpoints: Path | None = None,
    seconds: float = SECONDS_A_VARIANT,
) -> DryRun:
    """Find out what a suite would do. Nothing is recorded, and no store is made.

    Args:
        suite: The grid.
        store: Where its records are, if there are any.
        workers: Runs at once; none chooses as the leaderboard does.
        checkpoints: Folder for the trained models; a run whose file is missing there would be trained again.
        seconds: About how long the steps of a variant without records are timed.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    specs = expand(suite)
    data = read_data(specs[0])

    def time_run(spec: RunSpec, seconds: float) -> tuple[float, StepTimes] | None:
        model = build_run_model(spec, spec.attention, data).model
        if not seconds:
            return None
        task = Classification(model, spec.recipe, num_classes=data.num_classes)
        times = time_steps(task, data, recipe=spec.recipe, compute=spec.compute, seconds=seconds)
        return _run_s(times, spec, data, further_tests=_further_tests(spec, data)), times

    prospect = Prospect(
        specs=specs,
        compute=suite.compute,
        epochs_of=lambda spec: spec.recipe.epochs,
        num_train_images=data.num_images["train"],
        record_bytes=_estimated_bytes(specs[0], data),
        digest_of=digest,
        detector_of=lambda spec: "",
        has_files=partial(has_checkpoint, checkpoints),
        time_run=time_run,
    )
    return look_ahead(prospect, store, workers=workers, seconds=seconds)


def detection_dry_run(
    suite: DetectionSuite,
    store: DetectionStore,
    *,
    workers: int | None,
    checkpoints: Path | None = None,
    seconds: float = SECONDS_A_VARIANT,
) -> DryRun:
    """Find out what a suite of detectors would do, as `dry_run` does.

    Args:
        suite: The grid.
        store: Where its records are, if there are any.
        workers: Runs at once; none chooses as the leaderboard does.
        checkpoints: Folder for the trained detectors; a run whose file is missing there would be trained again.
        seconds: About how long the steps of a variant without records are timed.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    grid = detection_grid(suite, checkpoints=checkpoints)
    names = short_names(suite.detector)

    @cache
    def data_like(masks: bool, recipe: DetectionRecipe) -> DetectionData:
        alike = (spec for spec in grid.specs if (has_masks(spec.detector), spec.recipe) == (masks, recipe))
        return read_detection_data(next(alike))

    def data_of(spec: DetectionRun) -> DetectionData:
        """The data set as a run reads it: with masks only for detectors that learn them, in the recipe's batches."""
        return data_like(has_masks(spec.detector), spec.recipe)

    data = data_of(grid.specs[0])
    for spec in grid.specs:
        check_run(spec, data)

    def time_run(spec: DetectionRun, seconds: float) -> tuple[float, StepTimes] | None:
        own = data_of(spec)
        model = build_run_detector(spec, spec.attention, own, weights=spec.weights).model
        if not seconds:
            return None
        task = Detection(model, spec.recipe, num_classes=own.num_classes, has_masks=has_masks(spec.detector))
        times = time_steps(task, own, recipe=spec.recipe, compute=spec.compute, seconds=seconds)
        return _run_s(times, spec, own), times

    prospect = Prospect(
        specs=grid.specs,
        compute=suite.compute,
        epochs_of=lambda spec: spec.recipe.epochs,
        num_train_images=data.num_images["train"],
        record_bytes=max(_estimated_detection_bytes(spec, data) for spec in grid.specs),
        digest_of=grid.digest_of,
        detector_of=lambda spec: names[spec.detector],
        has_files=grid.has_files,
        time_run=time_run,
    )
    return look_ahead(prospect, store, workers=workers, seconds=seconds)


def _run_s(
    times: StepTimes, spec: RunSpec | DetectionRun, data: ImageData | DetectionData, *, further_tests: float = 0
) -> float:
    """Seconds of training, of all validations, of the test, and of what takes as long as so many further ones."""
    epochs = spec.recipe.epochs
    if isinstance(spec, RunSpec):
        num_validations = epochs
    else:
        num_validations = epochs // spec.recipe.validate_every if spec.recipe.validate_every else 0
    validation = len(data.val_dataloader()) if num_validations else 0
    return (
        epochs * times.training_step_s * len(data.train_dataloader())
        + (num_validations * validation + (1 + further_tests) * len(data.test_dataloader())) * times.evaluation_step_s
    )


def _further_tests(spec: RunSpec, data: ImageData) -> float:
    """How many tests take as long as what else is measured of a run, about."""
    share = min(1.0, spec.measure.localisation_images / data.num_images["test"])
    return _num_corrupted(spec, data) + share * _TESTS_OF_LOCALISATION


def _num_corrupted(spec: RunSpec, data: ImageData) -> int:
    return sum(len(strengths(corruption, size=data.image_shape[1:])) for corruption in spec.measure.corruptions)


def _estimated_bytes(spec: RunSpec, data: ImageData) -> int:
    epoch = Epoch(
        epoch=1, learning_rate=1 / 3, train_loss=1 / 3, validation_loss=1 / 3, validation_top1_percent=1 / 3,
        validation_top5_percent=1 / 3,
    )  # fmt: skip
    bits = -(-data.num_images["test"] // 6)  # eight to a byte, four characters of base64 to three bytes
    sources = 0 if data.test_sources is None else len(encode_record(PackedIntegers.pack(data.test_sources)))
    passes = 2 * spec.measure.throughput_rounds * _BYTES_A_TIMED_PASS
    curve = spec.recipe.epochs * len(encode_record(epoch))
    num_localised = min(spec.measure.localisation_images, data.num_images["test"])
    # Two scores of two bytes each, in base64, of each kind of map.
    scores = len(get_args(MapKind)) * 2 * num_localised * 2 * 4 // 3
    answers = (1 + _num_corrupted(spec, data)) * (bits + _BYTES_OF_AN_ANSWER)
    return len(encode_record(spec)) + curve + answers + scores + sources + passes + _BYTES_OF_THE_REST


def _estimated_detection_bytes(spec: DetectionRun, data: DetectionData) -> int:
    """What a record may have at most, but for the losses' names: how much is found, training alone tells."""
    figures = AveragePrecisions(
        ap_percent=100 / 3, ap50_percent=100 / 3, ap75_percent=100 / 3, ap_small_percent=100 / 3,
        ap_medium_percent=100 / 3, ap_large_percent=100 / 3,
    )  # fmt: skip
    epoch = DetectionEpoch(
        epoch=1,
        learning_rate=1 / 3,
        train_losses=dict.fromkeys(_LOSSES, 1 / 3),
        validation=figures if spec.recipe.validate_every else None,
    )
    kinds = 2 if has_masks(spec.detector) else 1
    matches = kinds * data.num_images["test"] * _DETECTIONS_AN_IMAGE * _BYTES_A_DETECTION
    passes = 2 * spec.speed_rounds * _BYTES_A_TIMED_PASS
    curve = spec.recipe.epochs * len(encode_record(epoch))
    return len(encode_record(spec)) + curve + matches + passes + _BYTES_OF_THE_REST
