"""How long a step of training and of evaluation takes, and how much memory: a few real ones, timed."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from attnbench.detection_spec import DetectionRecipe
from attnbench.hardware import resolve_device
from attnbench.measure import peak_memory_bytes
from attnbench.spec import Compute, Recipe
from attnbench.training import lightning_runs, make_trainer

_WARM_UP_STEPS = 3
"""Steps that are left out: the first are slower."""
_EVALUATION_STEPS = 3
"""Steps of evaluation, the first of which is left out."""


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Medians over a few steps, data and all."""

    training_step_s: float
    """Seconds of a batch in training."""
    evaluation_step_s: float
    """Seconds of a batch in evaluation."""
    num_steps: int
    """Batches of training that were timed, without those to warm up."""
    peak_memory_bytes: int
    """The most memory that was in use meanwhile; see `attnbench.measure.memory_scope` for whose."""


def time_steps(
    task: lightning.LightningModule,
    data: lightning.LightningDataModule,
    *,
    recipe: Recipe | DetectionRecipe,
    compute: Compute,
    seconds: float,
) -> StepTimes:
    """Train and test for a few steps as a run does, and time them.

    Args:
        task: What is trained; its weights change.
        data: The data set. A batch of its training loader may be a part of a step.
        recipe: How to train.
        compute: Device, precision, layout and determinism.
        seconds: The first step that ends later than this is the last, and so is that of the first epoch's end. Where
            there are no steps after those to warm up, these are taken.
    """
    if compute.channels_last:
        task.to(memory_format=torch.channels_last)
    clock = _Clock(seconds)
    accumulate = recipe.accumulate if isinstance(recipe, DetectionRecipe) else 1
    trainer = make_trainer(
        recipe,
        compute,
        [clock],
        validation_batches=0,
        limit_test_batches=_EVALUATION_STEPS,
        accumulate_grad_batches=accumulate,
    )

    def train_and_test() -> None:
        with lightning_runs():
            trainer.fit(task, datamodule=data)
            trainer.test(task, datamodule=data, verbose=False)

    peak = peak_memory_bytes(train_and_test, resolve_device(compute))
    timed = clock.training_s[_WARM_UP_STEPS:] or clock.training_s
    return StepTimes(
        training_step_s=median(timed),
        evaluation_step_s=median(clock.evaluation_s[1:] or clock.evaluation_s),
        num_steps=len(timed),
        peak_memory_bytes=peak,
    )


class _Clock(Callback):
    """Times each step from the end of the one before, and ends the training."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started = self.last = 0.0
        self.training_s: list[float] = []
        self.evaluation_s: list[float] = []

    def on_train_epoch_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        self.started = self.last = _now(trainer)

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        now = _now(trainer)
        self.training_s.append(now - self.last)
        self.last = now
        # After one epoch or in the midst of it.
        trainer.should_stop = trainer.is_last_batch or now - self.started > self.seconds

    def on_test_start(self, trainer: lightning.Trainer, *args: Any) -> None:
        self.last = _now(trainer)

    def on_test_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        now = _now(trainer)
        self.evaluation_s.append(now - self.last)
        self.last = now


def _now(trainer: lightning.Trainer) -> float:
    if trainer.strategy.root_device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
