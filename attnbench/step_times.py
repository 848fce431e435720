"""How long a step of training and of validation takes: a few real ones, timed."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from attnbench.spec import Compute, Recipe
from attnbench.tasks import Classification
from attnbench.training import lightning_runs, make_trainer

_WARM_UP_STEPS = 3
"""Steps that are left out: the first are slower."""
_VALIDATION_STEPS = 3
"""Steps of validation, the first of which is left out."""


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Medians over a few steps, data and all."""

    training_step_s: float
    """Seconds of a step of training."""
    evaluation_step_s: float
    """Seconds of a step of validation."""
    num_steps: int
    """Steps of training that were timed, without those to warm up."""


def time_steps(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: Recipe,
    compute: Compute,
    num_classes: int,
    seconds: float,
) -> StepTimes:
    """Train a model for a few steps as a run does, and time them.

    Args:
        model: The classifier; its weights change.
        data: The data set.
        recipe: How to train.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set.
        seconds: The first step that ends later than this is the last, and so is that of the first epoch's end. Where
            there are no steps after those to warm up, these are taken.
    """
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    clock = _Clock(seconds)
    trainer = make_trainer(recipe, compute, [clock], validation_batches=_VALIDATION_STEPS)
    with lightning_runs():
        trainer.fit(Classification(model, recipe, num_classes=num_classes), datamodule=data)
    timed = clock.training_s[_WARM_UP_STEPS:] or clock.training_s
    return StepTimes(
        training_step_s=median(timed),
        evaluation_step_s=median(clock.validation_s[1:] or clock.validation_s),
        num_steps=len(timed),
    )


class _Clock(Callback):
    """Times each step from the end of the one before, and ends the training."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started = self.last = 0.0
        self.training_s: list[float] = []
        self.validation_s: list[float] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        self.started = self.last = _now(trainer)

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        now = _now(trainer)
        self.training_s.append(now - self.last)
        self.last = now
        # After one epoch or in the midst of it; Lightning validates then, and stops.
        trainer.should_stop = trainer.is_last_batch or now - self.started > self.seconds

    def on_validation_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        self.last = _now(trainer)

    def on_validation_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        now = _now(trainer)
        self.validation_s.append(now - self.last)
        self.last = now


def _now(trainer: lightning.Trainer) -> float:
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
