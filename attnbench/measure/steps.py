"""The steps that are timed: one forward pass, or one step of training, of a built model."""

import torch
from torch import nn
from torch.nn import functional

from attnbench.measure.precision import autocast as autocast_to
from attnbench.measure.stopwatch import Step


def inference_step(model: nn.Module, images: torch.Tensor, *, autocast: torch.dtype | None = None) -> Step:
    """One forward pass in evaluation and inference mode.

    Args:
        model: The model, on the device of `images`; it is put into evaluation mode now, so make
            the step right before it is timed.
        images: A batch (N, C, H, W).
        autocast: Type to compute in where autocast knows it to be safe; none computes in the model's own.
    """
    model.eval()

    def step() -> object:
        with torch.inference_mode(), autocast_to(images.device, autocast):
            return model(images)

    return step


def training_step(
    model: nn.Module, images: torch.Tensor, labels: torch.Tensor, *, autocast: torch.dtype | None = None
) -> Step:
    """One forward pass, cross-entropy and backward pass in training mode; no optimizer.

    Every step computes its gradients anew and lets them go at the end. float16 is not scaled: its
    gradients may underflow, which takes as long as if they did not.

    Args:
        model: The model, on the device of `images`; it is put into training mode now, so make the
            step right before it is timed. Its running statistics move.
        images: A batch (N, C, H, W).
        labels: Classes (N,), of dtype int64.
        autocast: Type to compute in where autocast knows it to be safe; none computes in the model's own.
    """
    model.train()
    parameters = list(model.parameters())

    def step() -> None:
        with autocast_to(images.device, autocast):
            loss = functional.cross_entropy(model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in parameters:
            parameter.grad = None

    return step
