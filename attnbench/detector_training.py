"""Trains a detector by a recipe, and tests it once. No weights are selected: the last epoch's are tested."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning
import msgspec
import torch
from lightning.pytorch.callbacks import Callback

from attnbench.callbacks import FLOAT16, ReportTest, ReportTraining, StepCallback
from attnbench.detection_record import AveragePrecisions, DetectionEpoch
from attnbench.detection_spec import DetectionRecipe
from attnbench.divergence import LARGEST_WEIGHT, TRAINING_LOSS, diverged
from attnbench.measure.average_precision import Scored
from attnbench.resuming import KeepCheckpoint, StateFile, fit_resumed, save_trained
from attnbench.spec import Compute
from attnbench.tasks.detection import Detection
from attnbench.training import lightning_runs, make_trainer

DetectionEpochCallback = Callable[[DetectionEpoch], None]
"""Called with each point of the learning curve; in a resumed training also with those that were before."""


@dataclass(frozen=True)
class FittedDetector:
    """What training gave, before any test."""

    curve: tuple[DetectionEpoch, ...]
    """One point an epoch."""
    train_s: float
    """Seconds of training and validation, of a resumed training all together."""
    earlier_s: float
    """Seconds of them before it was resumed."""


def fit_detector(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: DetectionRecipe,
    compute: Compute,
    num_classes: int,
    has_masks: bool,
    on_step: StepCallback | None = None,
    on_epoch: DetectionEpochCallback | None = None,
    checkpoint: Path | None = None,
    description: Mapping[str, Any] | None = None,
    resume: StateFile | None = None,
) -> FittedDetector:
    """Train by the recipe. The test split is not scored.

    Args:
        model: The detector; it ends with the last epoch's weights.
        data: The data set, with a `train` loader, and one of validation where the recipe validates.
        recipe: How to train.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set, without the background.
        has_masks: Whether the detector gives masks.
        on_step: Hears of the progress every few steps.
        on_epoch: Hears of each epoch's end.
        checkpoint: Where to save the weights as a Lightning checkpoint.
        description: What it says of the detector; see `attnbench.detection.saved`.
        resume: Where to keep the state after each epoch; a training that finds its own there goes on from it, with the
            same result as one that was never cut off.

    Raises:
        DivergedError: If the training loss of a step is not finite.
    """
    task = _task(model, recipe, compute, num_classes=num_classes, has_masks=has_masks, description=description)
    history = DetectionHistory(recipe, on_epoch)
    keep = KeepCheckpoint(resume)
    callbacks: list[Callback] = [history, keep]
    if on_step is not None:
        callbacks.append(ReportTraining(on_step))
    trainer = make_trainer(
        recipe,
        compute,
        callbacks,
        validation_batches=None if recipe.validate_every else 0,
        accumulate_grad_batches=recipe.accumulate,
        check_val_every_n_epoch=recipe.validate_every or None,
    )
    with lightning_runs():
        fit_resumed(trainer, task, data, resume)
        train_s = keep.train_s
        if checkpoint is not None:
            save_trained(trainer, checkpoint)
    return FittedDetector(curve=tuple(history.curve), train_s=train_s, earlier_s=keep.earlier_s)


def evaluate_detector(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: DetectionRecipe,
    compute: Compute,
    num_classes: int,
    has_masks: bool,
    on_step: StepCallback | None = None,
) -> Scored:
    """Test a detector's weights as they are.

    Args:
        model: The detector.
        data: The data set, with a `test` loader.
        recipe: Its batch size is the data set's already; nothing is trained.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set, without the background.
        has_masks: Whether the detector gives masks.
        on_step: Called with batches done and batches in all, every few batches.
    """
    task = _task(model, recipe, compute, num_classes=num_classes, has_masks=has_masks)
    trainer = make_trainer(recipe, compute, [ReportTest(on_step)] if on_step else [])
    with lightning_runs():
        trainer.test(task, datamodule=data, verbose=False)
    return task.scored()


class DetectionHistory(Callback):
    """Keeps the learning curve."""

    def __init__(self, recipe: DetectionRecipe, on_epoch: DetectionEpochCallback | None) -> None:
        self.recipe = recipe
        self.on_epoch = on_epoch
        self.curve: list[DetectionEpoch] = []
        self._validated: AveragePrecisions | None = None

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Score the boxes of the validation split; the epoch ends after it."""
        assert isinstance(pl_module, Detection)
        self._validated = pl_module.scored().box

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Note the epoch."""
        assert isinstance(pl_module, Detection)
        self._check(pl_module, trainer.global_step, is_float16=trainer.precision == FLOAT16)
        point = DetectionEpoch(
            epoch=len(self.curve) + 1,
            learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
            train_losses=pl_module.mean_losses(),
            validation=self._validated,
        )
        self._validated = None
        self.curve.append(point)
        if self.on_epoch is not None:
            self.on_epoch(point)

    def _check(self, task: Detection, num_steps: int, *, is_float16: bool) -> None:
        """End a training of whose loss a part is not finite; of several, by the part that was the first.

        No loss is taken after an epoch's last step, which may have spoilt the weights.
        """
        found = {name: losses.first_not_finite() for name, losses in task.train_losses.items()}
        first = min(((*at, name) for name, at in found.items() if at is not None), key=lambda one: one[0], default=None)
        if first is not None:
            (batch, value, name), accumulate = first, self.recipe.accumulate
            before = len(self.curve) * task.train_losses[name].num_steps // accumulate
            step = before + (batch - 1) // accumulate + 1
            raise diverged(f"{TRAINING_LOSS} {name}", value, step, self.curve, self.recipe, is_float16=is_float16)
        if not math.isfinite(weight := _largest_weight(task.model)):
            raise diverged(LARGEST_WEIGHT, weight, num_steps, self.curve, self.recipe, is_float16=is_float16)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the epochs so far."""
        return {"curve": [asdict(point) for point in self.curve]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the epochs of a checkpoint."""
        self.curve = msgspec.convert(state_dict["curve"], list[DetectionEpoch])
        if self.on_epoch is not None:
            for point in self.curve:
                self.on_epoch(point)


def _largest_weight(model: torch.nn.Module) -> float:
    """The largest magnitude of a weight or a statistic; not a number if one of them is none."""
    weights = [weight for weight in model.state_dict().values() if weight.is_floating_point() and weight.numel()]
    return float(torch.stack([weight.abs().amax().float() for weight in weights]).amax())


def _task(
    model: torch.nn.Module,
    recipe: DetectionRecipe,
    compute: Compute,
    *,
    num_classes: int,
    has_masks: bool,
    description: Mapping[str, Any] | None = None,
) -> Detection:
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    return Detection(model, recipe, num_classes=num_classes, has_masks=has_masks, description=description)
