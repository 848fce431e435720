"""Owns Lightning's Trainer: trains a model by a recipe, selects weights by validation, tests once."""

import logging
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from attnbench.errors import DivergedError, SpecError
from attnbench.record import Epoch
from attnbench.spec import Compute, Recipe
from attnbench.tasks import Classification

StepCallback = Callable[[int, int], None]
"""Called with training steps done and steps in all."""

_STEPS_BETWEEN_REPORTS = 10


@dataclass(frozen=True)
class Tested:
    """What one pass over the test split gave."""

    test: dict[str, float]
    """`top1_percent`, `top5_percent` and `loss` on the test split."""
    test_correct: NDArray[np.bool_]
    """Whether each test image was classified correctly, in the data set's order."""


@dataclass(frozen=True)
class Trained(Tested):
    """What training and the one test gave."""

    curve: tuple[Epoch, ...]
    """One point an epoch."""
    selected_epoch: int
    """Epoch whose weights were tested, counted from 1."""
    train_s: float
    """Seconds of training and validation."""


def resolve_device(compute: Compute) -> torch.device:
    """The device that `compute` asks for; `auto` is the GPU where there is one.

    Raises:
        SpecError: If it asks for a GPU and there is none.
    """
    has_gpu = torch.cuda.is_available()
    if compute.device == "cuda" and not has_gpu:
        raise SpecError("torch finds no GPU on this machine; got device='cuda', allowed: auto, cpu")
    return torch.device("cuda" if has_gpu and compute.device != "cpu" else "cpu")


def resolve_precision(compute: Compute) -> str:
    """The arithmetic that `compute` asks for: ``float32``, ``bfloat16`` or ``float16``."""
    if compute.precision != "auto":
        return compute.precision
    on_gpu = resolve_device(compute).type == "cuda"
    return "bfloat16" if on_gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "float32"


def num_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def use_threads(number: int) -> Iterator[None]:
    """Let torch use `number` CPU threads, and what it used before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def fit(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: Recipe,
    compute: Compute,
    num_classes: int,
    on_step: StepCallback | None = None,
    checkpoint: Path | None = None,
) -> Trained:
    """Train by the recipe, select an epoch's weights by the validation split, and test them once.

    Args:
        model: The classifier; it ends with the selected weights.
        data: The data set, with `train`, `validation` and `test` loaders.
        recipe: How to train.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set.
        on_step: Hears of the progress every few steps.
        checkpoint: Where to save the selected weights as a Lightning checkpoint.

    Raises:
        DivergedError: If an epoch's training loss is not finite.
    """
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    task = Classification(model, recipe, num_classes=num_classes)
    history = _History(recipe)
    trainer = _trainer(recipe, compute, [history, _Report(on_step)] if on_step else [history])
    started = time.perf_counter()
    with _lightning_runs():
        trainer.fit(task, datamodule=data)
        train_s = time.perf_counter() - started
        if history.best_weights is not None:
            model.load_state_dict(history.best_weights)
        if checkpoint is not None:
            trainer.save_checkpoint(checkpoint, weights_only=True)
    tested = _tested(trainer, task, data)
    return Trained(
        curve=tuple(history.curve),
        selected_epoch=history.selected_epoch,
        test=tested.test,
        test_correct=tested.test_correct,
        train_s=train_s,
    )


def evaluate(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: Recipe,
    compute: Compute,
    num_classes: int,
    on_step: StepCallback | None = None,
) -> Tested:
    """Test a model's weights as they are.

    Args:
        model: The classifier.
        data: The data set, with a `test` loader.
        recipe: Its batch size is the data set's already; nothing is trained.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set.
        on_step: Called with batches done and batches in all, every few batches.
    """
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    task = Classification(model, recipe, num_classes=num_classes)
    return _tested(_trainer(recipe, compute, [_ReportTest(on_step)] if on_step else []), task, data)


def _tested(trainer: lightning.Trainer, task: Classification, data: lightning.LightningDataModule) -> Tested:
    with _lightning_runs():
        trainer.test(task, datamodule=data, verbose=False)
    return Tested(test=task.evaluated(), test_correct=task.correct().cpu().numpy())


@contextmanager
def _lightning_runs() -> Iterator[None]:
    with warnings.catch_warnings():
        # Lightning calls what a newer torch has deprecated.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        try:
            yield
        except SystemExit as stop:  # Lightning turns Ctrl-C into it
            raise KeyboardInterrupt from stop


def _trainer(recipe: Recipe, compute: Compute, callbacks: list[Callback]) -> lightning.Trainer:
    precisions: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}
    # Lightning announces its hardware at each Trainer; a suite makes many.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="GPU available but not used")
        return lightning.Trainer(
            max_epochs=recipe.epochs,
            accelerator="gpu" if resolve_device(compute).type == "cuda" else "cpu",
            devices=1,
            precision=precisions[resolve_precision(compute)],
            gradient_clip_val=recipe.gradient_clip_norm,
            deterministic=compute.deterministic,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )


class _History(Callback):
    """Keeps the learning curve, and the weights of the epoch to test."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.curve: list[Epoch] = []
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.selected_epoch = recipe.epochs

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, Classification)
        pl_module.train_loss.reset()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        assert isinstance(pl_module, Classification)
        train_loss = float(pl_module.train_loss.compute())
        if not np.isfinite(train_loss):
            raise DivergedError(
                f"the training loss is {train_loss} in epoch {len(self.curve) + 1}; try a smaller "
                f"learning_rate than {self.recipe.learning_rate:g}, or a gradient_clip_norm"
            )
        evaluated = pl_module.evaluated()
        self.curve.append(
            Epoch(
                epoch=len(self.curve) + 1,
                learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
                train_loss=train_loss,
                validation_loss=evaluated["loss"],
                validation_top1_percent=evaluated["top1_percent"],
                validation_top5_percent=evaluated["top5_percent"],
            )
        )
        best = max(self.curve, key=lambda point: point.validation_top1_percent)
        if self.recipe.selection == "best" and best is self.curve[-1]:
            self.selected_epoch = best.epoch
            self.best_weights = {name: value.clone() for name, value in pl_module.model.state_dict().items()}


class _Report(Callback):
    """Tells of progress every few steps."""

    def __init__(self, on_step: StepCallback) -> None:
        self.on_step = on_step

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step % _STEPS_BETWEEN_REPORTS == 0:
            self.on_step(trainer.global_step, int(trainer.estimated_stepping_batches))


class _ReportTest(Callback):
    """Tells of the test's progress every few batches."""

    def __init__(self, on_step: StepCallback) -> None:
        self.on_step = on_step
        self.done = 0

    def on_test_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        self.done += 1
        if self.done % _STEPS_BETWEEN_REPORTS == 0:
            self.on_step(self.done, int(sum(trainer.num_test_batches)))
