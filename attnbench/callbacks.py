"""What hears of Lightning's training: the learning curve with the weights to test, and the progress."""

import signal
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch.nn.modules.batchnorm import _BatchNorm

from attnbench.divergence import TRAINING_LOSS, VALIDATION_LOSS, diverged
from attnbench.ranks import average, copy_leaders
from attnbench.record import Epoch
from attnbench.spec import Recipe
from attnbench.tasks import Classification
from attnbench.tasks.epoch_mean import EpochMean

StepCallback = Callable[[int, int], None]
"""Called with training steps done and steps in all."""

EpochCallback = Callable[[Epoch], None]
"""Called with each point of the learning curve, right after its validation; in a resumed training also with those that
were before."""

FLOAT16 = "16-mixed"
"""Lightning's word for training in float16."""

_STEPS_BETWEEN_REPORTS = 10


class History(Callback):
    """Keeps the learning curve, and the weights of the epoch to test."""

    def __init__(self, recipe: Recipe, on_epoch: EpochCallback | None) -> None:
        self.recipe = recipe
        self.on_epoch = on_epoch
        self.curve: list[Epoch] = []
        self.best_weights: dict[str, torch.Tensor] | None = None
        self.selected_epoch = recipe.epochs

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Forget the training loss of the epoch before."""
        assert isinstance(pl_module, Classification)
        pl_module.train_loss.reset()

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Note the epoch, and keep its weights if they are the best so far."""
        assert isinstance(pl_module, Classification)
        evaluated = pl_module.evaluated()
        self._check(pl_module.train_loss, evaluated["loss"], is_float16=trainer.precision == FLOAT16)
        self.curve.append(
            Epoch(
                epoch=len(self.curve) + 1,
                learning_rate=float(trainer.optimizers[0].param_groups[0]["lr"]),
                train_loss=pl_module.train_loss.compute(),
                validation_loss=evaluated["loss"],
                validation_top1_percent=evaluated["top1_percent"],
                validation_top5_percent=evaluated["top5_percent"],
            )
        )
        if self.on_epoch is not None:
            self.on_epoch(self.curve[-1])
        best = max(self.curve, key=lambda point: point.validation_top1_percent)
        if self.recipe.selection == "best" and best is self.curve[-1]:
            self.selected_epoch = best.epoch
            self.best_weights = {name: value.clone() for name, value in pl_module.model.state_dict().items()}

    def _check(self, train_loss: EpochMean, validation_loss: float, *, is_float16: bool) -> None:
        """End a training whose loss is not finite, or whose weights after the epoch's last step give none that is."""
        before = len(self.curve) * train_loss.num_steps
        found = train_loss.first_not_finite()
        if found is not None:
            raise diverged(TRAINING_LOSS, found[1], before + found[0], self.curve, self.recipe, is_float16=is_float16)
        if not np.isfinite(validation_loss):
            step = before + train_loss.num_steps
            raise diverged(VALIDATION_LOSS, validation_loss, step, self.curve, self.recipe, is_float16=is_float16)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of the epochs so far."""
        return {
            "curve": [asdict(point) for point in self.curve],
            "best_weights": self.best_weights,
            "selected_epoch": self.selected_epoch,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on after the epochs of a checkpoint."""
        self.curve = [Epoch(**point) for point in state_dict["curve"]]
        self.best_weights = state_dict["best_weights"]
        self.selected_epoch = state_dict["selected_epoch"]
        if self.on_epoch is not None:
            for point in self.curve:
                self.on_epoch(point)


class AgreeOnBuffers(Callback):
    """Gives all ranks the same buffers at the end of an epoch: before it is validated, kept or tested.

    The running statistics of batch norms that are trained are averaged. They are linear in those of the batches, so
    that this is the same as averaging them at each step. Of all other buffers rank zero's count.
    """

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, *args: Any, **kwargs: Any
    ) -> None:
        """Agree after the last batch."""
        if not trainer.is_last_batch:
            return
        norms = [module for module in pl_module.modules() if isinstance(module, _BatchNorm) and module.training]
        statistics = [
            statistic for norm in norms for statistic in (norm.running_mean, norm.running_var) if statistic is not None
        ]
        averaged = {id(statistic) for statistic in statistics}
        average(statistics)
        copy_leaders([buffer for buffer in pl_module.buffers() if id(buffer) not in averaged])


class LeaveSignals(Callback):
    """Leaves it at what a request to terminate did before.

    Lightning would end the training at its next step as if by Ctrl-C, in a worker too, which is to ignore it; and it
    would send a message to other ranks, which are at something else: all would wait for one another.
    """

    def __init__(self) -> None:
        """Remember what the process does, before Lightning puts itself in its place."""
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Take Lightning's answer to the signal back, which it has just given."""
        # It gives none in other threads than the main one.
        if self._handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)

    on_test_start = on_train_start


class ReportTraining(Callback):
    """Tells of the training's progress every few steps."""

    def __init__(self, on_step: StepCallback) -> None:
        self.on_step = on_step

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        """Tell of every few steps."""
        if trainer.global_step % _STEPS_BETWEEN_REPORTS == 0:
            self.on_step(trainer.global_step, int(trainer.estimated_stepping_batches))


class ReportTest(Callback):
    """Tells of the test's progress every few batches."""

    def __init__(self, on_step: StepCallback) -> None:
        self.on_step = on_step
        self.done = 0

    def on_test_batch_end(self, trainer: lightning.Trainer, *args: Any, **kwargs: Any) -> None:
        """Tell of every few batches."""
        self.done += 1
        if self.done % _STEPS_BETWEEN_REPORTS == 0:
            self.on_step(self.done, int(sum(trainer.num_test_batches)))
