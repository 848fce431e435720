"""Owns Lightning's Trainer: trains a model by a recipe, selects weights by validation, tests once."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from attnbench.callbacks import (
    FLOAT16,
    EpochCallback,
    History,
    LeaveSignals,
    ReportTest,
    ReportTraining,
    StepCallback,
)
from attnbench.detection_spec import DetectionRecipe
from attnbench.division import callbacks_of_ranks, division
from attnbench.errors import TrainingError
from attnbench.hardware import resolve_device, resolve_precision
from attnbench.record import Epoch
from attnbench.resuming import KeepCheckpoint, StateFile, fit_resumed, save_trained
from attnbench.spec import Compute, Recipe
from attnbench.tasks import Classification
from attnbench.unprofiled import Unprofiled


@dataclass(frozen=True)
class Tested:
    """What one pass over the test split gave."""

    test: dict[str, float]
    """`top1_percent`, `top5_percent` and `loss` on the test split."""
    test_correct: NDArray[np.bool_]
    """Whether each test image was classified correctly, in the data set's order."""


@dataclass(frozen=True)
class Fitted:
    """What training gave, before any test."""

    curve: tuple[Epoch, ...]
    """One point an epoch."""
    selected_epoch: int
    """Epoch whose weights were tested, counted from 1."""
    train_s: float
    """Seconds of training and validation, of a resumed training all together."""
    earlier_s: float
    """Seconds of them before it was resumed."""
    num_steps: int
    """Steps of all epochs."""

    @property
    def selected(self) -> Epoch:
        """The point of the curve whose weights were selected."""
        return self.curve[self.selected_epoch - 1]


def fit(
    model: torch.nn.Module,
    data: lightning.LightningDataModule,
    *,
    recipe: Recipe,
    compute: Compute,
    num_classes: int,
    on_step: StepCallback | None = None,
    on_epoch: EpochCallback | None = None,
    checkpoint: Path | None = None,
    description: Mapping[str, Any] | None = None,
    resume: StateFile | None = None,
) -> Fitted:
    """Train by the recipe and select an epoch's weights by the validation split. The test split is not scored.

    Args:
        model: The classifier; it ends with the selected weights.
        data: The data set, with `train` and `validation` loaders.
        recipe: How to train.
        compute: Device, precision, layout and determinism.
        num_classes: Classes of the data set.
        on_step: Hears of the progress every few steps.
        on_epoch: Hears of each epoch's end.
        checkpoint: Where to save the selected weights as a Lightning checkpoint.
        description: What it says of the classifier; see `attnbench.models.saved`.
        resume: Where to keep the state after each epoch; a training that finds its own there goes on from it, with the
            same result as one that was never cut off.

    Raises:
        DivergedError: If the training loss of a step, or the validation loss of an epoch, is not finite.
    """
    if compute.channels_last:
        model.to(memory_format=torch.channels_last)
    task = Classification(model, recipe, num_classes=num_classes, description=description)
    history = History(recipe, on_epoch)
    keep = KeepCheckpoint(resume)
    callbacks: list[Callback] = [history, keep]
    if on_step is not None:
        callbacks.append(ReportTraining(on_step))
    trainer = make_trainer(recipe, compute, callbacks)
    with lightning_runs():
        fit_resumed(trainer, task, data, resume)
        train_s = keep.train_s
        if history.best_weights is not None:
            model.load_state_dict(history.best_weights)
        if checkpoint is not None:
            save_trained(trainer, checkpoint)
    return Fitted(
        curve=tuple(history.curve),
        selected_epoch=history.selected_epoch,
        train_s=train_s,
        earlier_s=keep.earlier_s,
        num_steps=trainer.global_step,
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
    trainer = make_trainer(recipe, compute, [ReportTest(on_step)] if on_step else [])
    with lightning_runs():
        trainer.test(task, datamodule=data, verbose=False)
    return Tested(test=task.evaluated(), test_correct=task.correct().numpy())


@contextmanager
def lightning_runs() -> Iterator[None]:
    """Let Lightning run, with its known warnings off and Ctrl-C as a KeyboardInterrupt."""
    with warnings.catch_warnings(), _without_filling():
        # A newer torch would have buffers synchronised at the start, and the oldest that is taken knows no other word.
        warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated", category=FutureWarning)
        # Lightning calls what a newer torch has deprecated.
        warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
        # A detector's norms may keep their statistics, on purpose.
        warnings.filterwarnings("ignore", message=r"Found \d+ module\(s\) in eval mode at the start of training")
        try:
            yield
        except SystemExit as stop:
            if isinstance(stop.__context__, KeyboardInterrupt):  # Lightning turns Ctrl-C into it
                raise KeyboardInterrupt from stop
            raise TrainingError(f"the module has asked Python to end, by {stop!r}; it may raise errors only") from stop


@contextmanager
def _without_filling() -> Iterator[None]:
    """Let torch not fill the memory that a tensor gets, as it does where only deterministic algorithms are wanted.

    That is a tenth of the time of a training, and changes nothing for code that reads only what it has written.
    """
    settings: Any = torch.utils.deterministic
    before = settings.fill_uninitialized_memory
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        settings.fill_uninitialized_memory = before


def make_trainer(
    recipe: Recipe | DetectionRecipe,
    compute: Compute,
    callbacks: list[Callback],
    *,
    validation_batches: int | None = None,
    **further: Any,
) -> lightning.Trainer:
    """Lightning's Trainer for a recipe, which logs and saves nothing by itself. Ranks train together.

    Args:
        recipe: How long to train.
        compute: Where and in which arithmetic.
        callbacks: What hears of it.
        validation_batches: Batches of a validation; none for all.
        **further: What else the Trainer is told.
    """
    precisions: dict[str, Any] = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": FLOAT16}
    # Lightning announces its hardware at each Trainer; a suite makes many.
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="GPU available but not used")
        return lightning.Trainer(
            max_epochs=recipe.epochs,
            accelerator="gpu" if resolve_device(compute).type == "cuda" else "cpu",
            precision=precisions[resolve_precision(compute)],
            gradient_clip_val=recipe.gradient_clip_norm,
            deterministic=compute.deterministic,
            # A test in another mode than validation would have as many graphs of its own.
            inference_mode=compute.compile == "none",
            callbacks=[LeaveSignals(), *callbacks_of_ranks(), *callbacks],
            limit_val_batches=validation_batches,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            profiler=Unprofiled(),
            use_distributed_sampler=False,
            **division(compute),
            **further,
        )
