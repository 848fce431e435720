"""One run: a spec becomes a record. The only place where the stages meet."""

import time
from collections.abc import Callable
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import torch

from attnbench.data import ImageData
from attnbench.divergence import check_test_loss
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_precision, use_threads
from attnbench.launching import needs_ranks, on_ranks
from attnbench.localisation_record import Localisation
from attnbench.localising import localise
from attnbench.loggers import LogTo, log_epoch, log_test, open_log
from attnbench.measure import Macs, count_macs, count_parameters
from attnbench.models import BuiltModel
from attnbench.models.backends import attention_backend
from attnbench.models.compiling import compiled, forgotten_afterwards
from attnbench.models.meeting import stage_names
from attnbench.packed import PackedBits, PackedIntegers
from attnbench.paths import check_output_file
from attnbench.plugins import check_unchanged
from attnbench.ranks import from_leader, leads
from attnbench.record import SCHEMA, Record, Timing, Values
from attnbench.robustness import evaluate_corrupted
from attnbench.run_parts import build_run_model, describe, read_data, train
from attnbench.run_speed import measure_speed
from attnbench.spec import RunSpec, digest
from attnbench.training import Fitted, Tested, evaluate
from attnbench.variant import Variant

ProgressCallback = Callable[[str, int, int], None]
"""Called with the phase (``data``, ``train``, ``test``, ``measure``), steps done and steps in all."""


def run_spec(
    spec: RunSpec,
    *,
    on_progress: ProgressCallback | None = None,
    checkpoint: Path | None = None,
    resume: Path | None = None,
    log_to: LogTo | None = None,
) -> Record:
    """Train and measure one spec.

    Args:
        spec: What to run.
        on_progress: Hears of the progress.
        checkpoint: Where to save the selected weights, if anywhere; see `attnbench.models.saved.load_classifier`.
        resume: Where to keep the state after each epoch, and to go on from; none keeps none.
        log_to: Where to log the learning curve and the test, if anywhere; the record is the same.

    Returns:
        The record. It is not stored; see `attnbench.Store.add`.

    Raises:
        AttnBenchError: If the spec names something that is not there or does not fit, or training diverges.
    """
    if checkpoint is not None:
        check_output_file(checkpoint, option="checkpoint")
    tell = on_progress or _silent
    if needs_ranks(spec.compute):
        options = {"checkpoint": checkpoint, "resume": resume, "log_to": log_to}
        return on_ranks(run_spec, spec, compute=spec.compute, on_progress=tell, **options)
    started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
    started = time.perf_counter()
    check_unchanged(spec.plugin, spec.data_plugin)
    with use_threads(spec.compute.threads), forgotten_afterwards(spec.compute):
        tell("data", 0, 1)
        data = read_data(spec)
        built = build_run_model(spec, spec.attention, data)
        counted = count_macs(built.model, data.image_shape)
        # A model whose maps cannot be scored is found out before it is trained.
        _localise(spec, built.model, data, num_images=min(1, spec.measure.localisation_images))
        with compiled(built.model, built.places, spec.compute, attention=spec.attention) as compilation:
            fitted, tested = _train_and_test(
                spec, built.model, data, tell, checkpoint=checkpoint, resume=resume, log_to=log_to
            )
            told = partial(tell, "measure")
            robustness = evaluate_corrupted(built.model, data, spec, on_step=told) if spec.measure.corruptions else None
            # Not that of the timed passes, some of which are the baseline's.
            compile_s = compilation.seconds

            def measured() -> Record:
                number = spec.measure.localisation_images
                localisation = _localise(spec, built.model, data, num_images=number, on_step=told)
                tell("measure", 0, 1)
                model_ms, baseline_ms = measure_speed(spec, built.model, data)
                return Record(
                    schema=SCHEMA,
                    digest=digest(spec),
                    spec=spec,
                    environment=capture_environment(spec.compute),
                    curve=fitted.curve,
                    values=_values(built, counted, data, fitted, tested),
                    test_correct=PackedBits.pack(tested.test_correct),
                    test_sources=None if data.test_sources is None else PackedIntegers.pack(data.test_sources),
                    localisation=localisation,
                    robustness=robustness,
                    timing=Timing(
                        started_at=started_at,
                        wall_s=time.perf_counter() - started + fitted.earlier_s,
                        train_s=fitted.train_s,
                        throughput_batch_size=spec.measure.throughput_batch_size,
                        forward_ms=model_ms,
                        baseline_forward_ms=baseline_ms,
                        compile_s=compile_s,
                    ),
                )

            return from_leader(measured)


def _silent(phase: str, done: int, total: int) -> None:
    """Nobody listens."""


def _train_and_test(
    spec: RunSpec,
    model: torch.nn.Module,
    data: ImageData,
    tell: ProgressCallback,
    *,
    checkpoint: Path | None,
    resume: Path | None,
    log_to: LogTo | None,
) -> tuple[Fitted, Tested]:
    with open_log(log_to if leads() else None, spec) as log:
        fitted = train(
            spec,
            model,
            data,
            on_step=lambda done, total: tell("train", done, total),
            on_epoch=partial(log_epoch, log) if log else None,
            checkpoint=checkpoint,
            resume=resume,
            description=describe(spec, data).to_builtins(),
        )
        tested = evaluate(model, data, recipe=spec.recipe, compute=spec.compute, num_classes=data.num_classes)
        check_test_loss(
            tested.test["loss"],
            num_steps=fitted.num_steps,
            selected_epoch=fitted.selected_epoch,
            curve=fitted.curve,
            recipe=spec.recipe,
            is_float16=resolve_precision(spec.compute) == "float16",
        )
        if log:
            log_test(log, spec, _named(tested))
    return fitted, tested


def _values(built: BuiltModel, counted: Macs, data: ImageData, fitted: Fitted, tested: Tested) -> Values:
    return Values(
        parameters=count_parameters(built.model),
        macs=counted.macs,
        uncounted_operators=counted.uncounted_operators,
        num_attention_modules=len(built.places),
        num_replaced=built.num_replaced,
        attention_backend=attention_backend(built.places, data.device),
        selected_epoch=fitted.selected_epoch,
        num_classes=data.num_classes,
        image_shape=data.image_shape,
        **_named(tested),  # type: ignore[arg-type]
        **{f"num_{split}_images": number for split, number in data.num_images.items()},
    )


def _named(tested: Tested) -> dict[str, float]:
    return {f"test_{name}": value for name, value in tested.test.items()}


def _localise(
    spec: RunSpec,
    model: torch.nn.Module,
    data: ImageData,
    *,
    num_images: int,
    on_step: Callable[[int, int], None] | None = None,
) -> Localisation | None:
    """Where the model's maps lie, Grad-CAM of its last stage among them; none for no images."""
    if num_images == 0:
        return None
    last = stage_names(Variant.parse(spec.backbone))[-1]
    return localise(model, data, layer=last, num_images=num_images, on_step=on_step)
