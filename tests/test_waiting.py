"""A GPU works off a queue, and a step that asks it for a number waits until the queue is empty."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import RunSpec
from attnbench.suite import expand
from attnbench.tasks import Classification
from attnbench.training import evaluate, fit
from tests.tiny import tiny_suite


class _Asked(TorchDispatchMode):
    """Counts how often a number is asked of a tensor: by `item`, `float`, `bool`, `tolist` and the like."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.numbers += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


def train(spec: RunSpec) -> None:
    data = read_data(spec)
    model = build_run_model(spec, spec.attention, data).model
    fit(model, data, recipe=spec.recipe, compute=spec.compute, num_classes=10, on_step=lambda done, total: None)


def score(spec: RunSpec) -> None:
    data = read_data(spec)
    model = build_run_model(spec, spec.attention, data).model
    evaluate(model, data, recipe=spec.recipe, compute=spec.compute, num_classes=10, on_step=lambda done, total: None)


def asked(do: Callable[[RunSpec], None], *, train_images: int = 64, test_images: int = 40, **recipe: object) -> int:
    """How many numbers are asked for while that is done with a tiny run of one epoch, in batches of 32."""
    spec = expand(tiny_suite(epochs=1))[-1]
    data = f"cluttered-digits:test_images={test_images},train_images={train_images},validation_images=40"
    with _Asked() as counted:
        do(replace(spec, data=data, recipe=replace(spec.recipe, **recipe)))
    return counted.numbers


@pytest.mark.parametrize("recipe", [{}, {"gradient_clip_norm": 1.0, "label_smoothing": 0.1, "warmup_epochs": 0.5}])
def test_no_training_step_asks_for_a_number(recipe: dict[str, Any]) -> None:
    assert asked(train, train_images=1024, **recipe) == asked(train, **recipe)


def test_no_step_of_a_test_asks_for_a_number() -> None:
    assert asked(score, test_images=400) == asked(score)


def test_a_step_that_asks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Classification.training_step

    def waiting(self: Classification, batch: Any, index: int) -> torch.Tensor:
        loss = step(self, batch, index)
        return loss if float(loss.detach()) < 1e9 else loss / 2

    unasked = asked(train)
    monkeypatch.setattr(Classification, "training_step", waiting)
    assert asked(train) == unasked + 2
