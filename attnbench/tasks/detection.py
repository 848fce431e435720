"""Detection as a LightningModule: the detector's own losses, COCO's figures, optimizer and schedule of a recipe."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeAlias

import torch
from torch import nn

from attnbench.detection_spec import DetectionRecipe
from attnbench.measure.average_precision import Evaluation, Scored
from attnbench.ranks import from_leader
from attnbench.tasks.classification import cosine_factor
from attnbench.tasks.described import DescribedTask
from attnbench.tasks.epoch_mean import EpochMean

Targets: TypeAlias = list[dict[str, Any]]
"""Of each image its boxes, labels, masks, areas and crowds; see `attnbench.data.detection`."""


class Detection(DescribedTask):
    """Trains a detector by a recipe; the steps of a batch that is put through in parts are counted once."""

    def __init__(
        self,
        model: nn.Module,
        recipe: DetectionRecipe,
        *,
        num_classes: int,
        has_masks: bool,
        description: Mapping[str, Any] | None = None,
    ) -> None:
        """Wrap a detector.

        Args:
            model: Maps images and targets to losses in training, and images to detections in evaluation.
            recipe: How it is trained.
            num_classes: Classes of the data set, without the background.
            has_masks: Whether it gives masks.
            description: What checkpoints say of the detector, so that it can be built again from them alone.
        """
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.train_losses: dict[str, EpochMean] = defaultdict(EpochMean)
        self.num_classes = num_classes
        self.has_masks = has_masks
        self.description = description
        self._evaluation = self._new_evaluation()

    def training_step(self, batch: tuple[list[torch.Tensor], Targets], batch_index: int) -> torch.Tensor:
        """The sum of the detector's losses of one batch."""
        images, targets = batch
        losses: dict[str, torch.Tensor] = self.model(images, targets)
        for name, loss in losses.items():
            self.train_losses[name].update(loss)
        return torch.stack(list(losses.values())).sum()

    def on_train_epoch_start(self) -> None:
        """Forget the losses of the epoch before."""
        self.train_losses.clear()

    def mean_losses(self) -> dict[str, float]:
        """Mean of each loss over the epoch's batches, by name."""
        return {name: mean.compute() for name, mean in self.train_losses.items()}

    def on_validation_epoch_start(self) -> None:
        """Forget the last evaluation."""
        self._evaluation = self._new_evaluation()

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: tuple[list[torch.Tensor], Targets], batch_index: int) -> None:
        """Match the detections of one batch."""
        images, targets = batch
        self._evaluation.update(self.model(images), targets)

    test_step = validation_step

    def scored(self) -> Scored:
        """COCO's figures and all matches of the last evaluation."""
        self._evaluation.gather()
        return from_leader(self._evaluation.compute)

    def configure_optimizers(self) -> Any:
        """SGD over what is trained, and a learning rate that is set anew at each step."""
        recipe = self.recipe
        optimizer = torch.optim.SGD(
            [parameter for parameter in self.model.parameters() if parameter.requires_grad],
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
        num_steps = int(self.trainer.estimated_stepping_batches)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: step_factor(recipe, step, num_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _new_evaluation(self) -> Evaluation:
        return Evaluation(num_classes=self.num_classes, has_masks=self.has_masks)


def step_factor(recipe: DetectionRecipe, step: int, num_steps: int) -> float:
    """What the peak learning rate is multiplied with.

    The warm-up multiplies what the schedule gives, so that it may reach into a decay.

    Args:
        recipe: Warm-up and schedule.
        step: Steps done so far.
        num_steps: Steps in all.

    >>> recipe = DetectionRecipe(epochs=12, step_epochs=(8, 11), warmup_steps=100, warmup_factor=0.5)
    >>> step_factor(recipe, 50, 1200)
    0.75
    >>> round(step_factor(recipe, 900, 1200), 6)
    0.1
    """
    epoch = step * recipe.epochs / num_steps
    if recipe.schedule == "step":
        factor = recipe.step_factor ** sum(epoch >= step_epoch for step_epoch in recipe.step_epochs)
    else:
        factor = cosine_factor(step / num_steps)
    if step < recipe.warmup_steps:
        factor *= recipe.warmup_factor + (1 - recipe.warmup_factor) * step / recipe.warmup_steps
    return float(factor)
