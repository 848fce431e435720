"""Classification as a LightningModule: loss, metrics, optimizer and schedule of a recipe."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from attnbench.ranks import gathered, interleaved
from attnbench.spec import Recipe
from attnbench.tasks.described import DescribedTask
from attnbench.tasks.epoch_mean import EpochMean


class Classification(DescribedTask):
    """Trains a classifier by a recipe; metrics stay on the device until an epoch ends."""

    def __init__(
        self, model: nn.Module, recipe: Recipe, *, num_classes: int, description: Mapping[str, Any] | None = None
    ) -> None:
        """Wrap a classifier.

        Args:
            model: Maps images (N, C, H, W) to logits (N, num_classes).
            recipe: How it is trained.
            num_classes: Classes of the data set; top-5 means all of them where there are fewer.
            description: What checkpoints say of the classifier, so that it can be built again from them alone.
        """
        super().__init__()
        self.description = description
        self.model = model
        self.recipe = recipe
        self.train_loss = EpochMean()
        self.evaluation = MetricCollection(
            {
                "top1": MulticlassAccuracy(num_classes, average="micro", validate_args=False),
                "top5": MulticlassAccuracy(
                    num_classes, top_k=min(5, num_classes), average="micro", validate_args=False
                ),
            }
        )
        # Without torchmetrics' check for NaN, which would wait for the device at each step.
        self.evaluation_loss = MeanMetric(nan_strategy="disable")
        self._correct: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits (N, num_classes) of images (N, C, H, W)."""
        logits: torch.Tensor = self.model(images)
        return logits

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_index: int) -> torch.Tensor:
        """Cross-entropy of one batch, with label smoothing."""
        images, labels = batch
        loss = functional.cross_entropy(self(images), labels, label_smoothing=self.recipe.label_smoothing)
        self.train_loss.update(loss, len(labels))
        return loss

    def on_validation_epoch_start(self) -> None:
        """Forget the last evaluation."""
        self.evaluation.reset()
        self.evaluation_loss.reset()
        self._correct.clear()

    on_test_epoch_start = on_validation_epoch_start

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_index: int) -> None:
        """Update the metrics with one batch."""
        images, labels = batch
        # float(): bfloat16 logits tie often, and ties make top-k a matter of order.
        logits = self(images).float()
        self.evaluation.update(logits, labels)
        self.evaluation_loss.update(functional.cross_entropy(logits, labels, reduction="none"))
        self._correct.append(logits.argmax(1) == labels)

    test_step = validation_step

    def evaluated(self) -> dict[str, float]:
        """`top1_percent`, `top5_percent` and `loss` of the last evaluation."""
        percent = {f"{name}_percent": 100 * float(value) for name, value in self.evaluation.compute().items()}
        return {**percent, "loss": float(self.evaluation_loss.compute())}

    def correct(self) -> torch.Tensor:
        """Whether each image of the last evaluation was classified correctly: bool (num_images,), on the CPU."""
        return interleaved(gathered(torch.cat(self._correct).cpu()))

    def configure_optimizers(self) -> Any:
        """SGD and a learning rate that is set anew at each step."""
        recipe = self.recipe
        optimizer = torch.optim.SGD(
            self.model.parameters(),
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
        )
        steps_an_epoch = self.trainer.estimated_stepping_batches / recipe.epochs
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(recipe, step / steps_an_epoch)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learning_rate_factor(recipe: Recipe, epoch: float) -> float:
    """What the peak learning rate is multiplied with.

    Args:
        recipe: Warm-up and schedule.
        epoch: Epochs done so far, a fraction within an epoch.

    >>> learning_rate_factor(Recipe(epochs=10, warmup_epochs=2), 1)
    0.5
    >>> learning_rate_factor(Recipe(epochs=10, warmup_epochs=2), 6)
    0.5
    >>> learning_rate_factor(Recipe(epochs=10, schedule="step", step_epochs=(3, 6), step_factor=0.5), 7)
    0.25
    """
    if epoch < recipe.warmup_epochs:
        return epoch / recipe.warmup_epochs
    if recipe.schedule == "step":
        return float(recipe.step_factor ** sum(epoch >= step_epoch for step_epoch in recipe.step_epochs))
    return cosine_factor((epoch - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs))


def cosine_factor(progress: float) -> float:
    """Half a cosine from 1 to 0; `progress` runs from 0 to 1, beyond which the factor stays at 0."""
    return round(0.5 * (1 + math.cos(math.pi * min(progress, 1.0))), 12)
