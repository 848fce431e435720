"""One detection run: a spec becomes a record."""

import time
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import torch

from attnbench.data.detection import DetectionData
from attnbench.detection import BuiltDetector, has_masks
from attnbench.detection.saved import DetectorDescription
from attnbench.detection_checks import check_run
from attnbench.detection_parts import build_run_detector, first_image, read_detection_data, resized, weights_sha256
from attnbench.detection_record import (
    DETECTION_SCHEMA,
    DetectionRecord,
    DetectionTiming,
    DetectionValues,
    DetectorCounts,
)
from attnbench.detection_spec import DetectionRun, detection_digest
from attnbench.detector_training import FittedDetector, evaluate_detector, fit_detector
from attnbench.environment import capture_environment
from attnbench.errors import CheckpointError
from attnbench.hardware import resolve_device, use_threads
from attnbench.launching import needs_ranks, on_ranks
from attnbench.loggers import LogTo, log_epoch, log_test, open_log
from attnbench.matches import Matches
from attnbench.measure import interleaved_forward_ms
from attnbench.measure.average_precision import Scored
from attnbench.measure.detector import count_detector
from attnbench.models.backends import attention_backend
from attnbench.models.compiling import compiled, forgotten_afterwards
from attnbench.paths import check_output_file
from attnbench.plugins import check_unchanged
from attnbench.ranks import from_leader, leads, seed_of_rank
from attnbench.resuming import StateFile
from attnbench.run import ProgressCallback


def run_detection(
    spec: DetectionRun,
    *,
    on_progress: ProgressCallback | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    log_to: LogTo | None = None,
) -> DetectionRecord:
    """Train and measure one spec.

    Args:
        spec: What to run.
        on_progress: Hears of the progress.
        checkpoint: Where to save the trained detector, if anywhere; see `attnbench.detection.saved.load_detector`.
        resume: Where to keep the state after each epoch, and to go on from; none keeps none.
        log_to: Where to log it besides, if anywhere.

    Returns:
        The record. It is not stored; see `DetectionStore.add`.

    Raises:
        AttnBenchError: If the spec names something that is not there or does not fit, or training diverges.
    """
    if checkpoint is not None:
        check_output_file(checkpoint, option="checkpoint")
    tell = on_progress or _silent
    if needs_ranks(spec.compute):
        options = {"checkpoint": checkpoint, "resume": resume, "log_to": log_to}
        return on_ranks(run_detection, spec, compute=spec.compute, on_progress=tell, **options)
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    started = time.perf_counter()
    _check_files(spec)
    with use_threads(spec.compute.threads), forgotten_afterwards(spec.compute):
        tell("data", 0, 1)
        data = read_detection_data(spec)
        check_run(spec, data)
        built = build_run_detector(spec, spec.attention, data, weights=spec.weights)
        image = first_image(data)
        counts = count_detector(built.model, resized(image, spec.recipe))
        with compiled(
            built.model, built.places, spec.compute, attention=spec.attention, is_dynamic=True
        ) as compilation:
            fitted, scored = _train_and_test(
                spec, built.model, data, tell, checkpoint=checkpoint, resume=resume, log_to=log_to
            )

        def measured() -> DetectionRecord:
            tell("measure", 0, 1)
            model_ms, baseline_ms = _measure_speed(spec, data, image)
            return DetectionRecord(
                schema=DETECTION_SCHEMA,
                digest=detection_digest(spec),
                spec=spec,
                environment=capture_environment(spec.compute),
                curve=fitted.curve,
                values=_values(built, counts, data, scored, resolve_device(spec.compute)),
                box_matches=Matches.pack(scored.box_matches),
                mask_matches=None if scored.mask_matches is None else Matches.pack(scored.mask_matches),
                timing=DetectionTiming(
                    started_at=started_at,
                    wall_s=time.perf_counter() - started + fitted.earlier_s,
                    train_s=fitted.train_s,
                    forward_ms=model_ms,
                    baseline_forward_ms=baseline_ms,
                    compile_s=compilation.seconds,
                ),
            )

        return from_leader(measured)


def _silent(phase: str, done: int, total: int) -> None:
    """Nobody listens."""


def _check_files(spec: DetectionRun) -> None:
    check_unchanged(spec.plugin, spec.detector_plugin, spec.data_plugin)
    found = weights_sha256(spec.weights)
    if found != spec.weights_sha256:
        raise CheckpointError(
            f"{spec.weights} has changed since the spec was written; its hash is {str(found)[:12]}…, "
            f"the spec's {str(spec.weights_sha256)[:12]}…"
        )


def _train_and_test(
    spec: DetectionRun,
    model: torch.nn.Module,
    data: DetectionData,
    tell: ProgressCallback,
    *,
    checkpoint: Path | None,
    resume: Path | None,
    log_to: LogTo | None,
) -> tuple[FittedDetector, Scored]:
    how: dict[str, Any] = {
        "recipe": spec.recipe,
        "compute": spec.compute,
        "num_classes": data.num_classes,
        "has_masks": has_masks(spec.detector),
    }
    # Whatever draws from the global generators while training, such as the sampled regions, starts from the seed.
    lightning.seed_everything(seed_of_rank(spec.seed), verbose=False)
    with open_log(log_to if leads() else None, spec) as log:
        fitted = fit_detector(
            model,
            data,
            on_step=partial(tell, "train"),
            on_epoch=partial(log_epoch, log) if log else None,
            checkpoint=checkpoint,
            description=DetectorDescription(spec=spec, classes=data.classes).to_builtins(),
            resume=None if resume is None else StateFile(path=resume, digest=detection_digest(spec)),
            **how,
        )
        tell("test", 0, 1)
        scored = evaluate_detector(model, data, **how)
        if log:
            log_test(log, spec, {"box": asdict(scored.box), "mask": scored.mask and asdict(scored.mask)})
    return fitted, scored


def _measure_speed(
    spec: DetectionRun, data: DetectionData, image: torch.Tensor
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    device = resolve_device(spec.compute)
    layout = torch.channels_last if spec.compute.channels_last else torch.contiguous_format
    # Both as they are before training: what two trained detectors find differs, and with it what they compute.
    model, baseline = (
        build_run_detector(spec, attention, data, weights=None) for attention in (spec.attention, spec.baseline)
    )
    for detector in (model.model, baseline.model):
        detector.to(device=device, memory_format=layout).eval()  # type: ignore[call-overload]
    both = (*model.places, *baseline.places)
    names = " or ".join(dict.fromkeys((spec.attention, spec.baseline)))
    with compiled(model.model, both, spec.compute, attention=names, is_dynamic=True):
        return interleaved_forward_ms(model.model, baseline.model, image.to(device)[None], rounds=spec.speed_rounds)


def _values(
    built: BuiltDetector, counts: DetectorCounts, data: DetectionData, scored: Scored, device: torch.device
) -> DetectionValues:
    return DetectionValues(
        box=scored.box,
        mask=scored.mask,
        counts=counts,
        num_classes=data.num_classes,
        num_test_objects=data.num_objects,
        annotation_faults=data.faults,
        num_attention_modules=len(built.places),
        num_replaced=built.num_replaced,
        attention_backend=attention_backend(built.places, device),
        **{f"num_{split}_images": number for split, number in data.num_images.items()},
    )
