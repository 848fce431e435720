"""A run up to its test: trained, and scored on the validation split."""

from dataclasses import dataclass
from pathlib import Path

from attnbench.callbacks import EpochCallback
from attnbench.hardware import use_threads
from attnbench.measure import count_macs, count_parameters
from attnbench.models.compiling import compiled, forgotten_afterwards
from attnbench.plugins import check_unchanged
from attnbench.run_parts import build_run_model, read_data, train
from attnbench.run_speed import measure_speed
from attnbench.spec import RunSpec
from attnbench.training import Fitted


@dataclass(frozen=True, kw_only=True)
class Validated:
    """What a run gave that was never tested, for choices that the test split must not know of."""

    fitted: Fitted
    """The learning curve on the validation split, and the selected epoch."""
    parameters: int
    """Trainable parameters of the model."""
    macs: int
    """Multiply-accumulates of one image, by fvcore's default rules."""
    forward_ms: tuple[float, ...] = ()
    """Milliseconds of each timed forward pass of the model, in inference mode; empty where none was timed."""
    baseline_forward_ms: tuple[float, ...] = ()
    """Milliseconds of the baseline's pass beside each of them."""


def validate_spec(
    spec: RunSpec,
    *,
    on_epoch: EpochCallback | None = None,
    resume: Path | None = None,
    is_timed: bool = False,
) -> Validated:
    """Train one spec and score it on the validation split; the test split is left alone.

    Args:
        spec: What to run.
        on_epoch: Hears of each epoch's end; an exception of its own ends the training.
        resume: Where to keep the state after each epoch, and to go on from; see `attnbench.training.fit`.
        is_timed: Whether forward passes are timed beside the baseline's.

    Raises:
        AttnBenchError: If the spec names something that is not there or does not fit, or training diverges.
    """
    check_unchanged(spec.plugin, spec.data_plugin)
    with use_threads(spec.compute.threads), forgotten_afterwards(spec.compute):
        data = read_data(spec)
        built = build_run_model(spec, spec.attention, data)
        model = built.model
        counted = count_macs(model, data.image_shape)
        with compiled(model, built.places, spec.compute, attention=spec.attention):
            fitted = train(spec, model, data, on_epoch=on_epoch, resume=resume)
            model_ms, baseline_ms = measure_speed(spec, model, data) if is_timed else ((), ())
        return Validated(
            fitted=fitted,
            parameters=count_parameters(model),
            macs=counted.macs,
            forward_ms=model_ms,
            baseline_forward_ms=baseline_ms,
        )
