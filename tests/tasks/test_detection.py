from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from attnbench.detection_spec import DetectionRecipe
from attnbench.tasks.detection import Detection


def learning_rates(recipe: DetectionRecipe, num_steps: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The rate of each step, as the optimizer has it."""
    monkeypatch.setattr(Detection, "trainer", SimpleNamespace(estimated_stepping_batches=num_steps))
    task = Detection(nn.Linear(1, 1), recipe, num_classes=1, has_masks=False)
    made: Any = task.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    assert made["lr_scheduler"]["interval"] == "step"
    rates = []
    for _ in range(num_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_the_default_recipe_is_the_papers_1x_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """12 epochs at 0.02, a tenth after 8 and a tenth of that after 11; over 500 steps from a third to the whole."""
    steps_an_epoch = 70  # so that the warm-up ends within an epoch
    expected = []
    for epoch in range(1, 13):
        for _ in range(steps_an_epoch):
            rate = 0.02
            if epoch > 8:
                rate = 0.002
            if epoch > 11:
                rate = 0.0002
            done = len(expected)
            if done < 500:
                rate = rate / 3 + (rate - rate / 3) * done / 500
            expected.append(rate)
    got = learning_rates(DetectionRecipe(), 12 * steps_an_epoch, monkeypatch)
    assert got == pytest.approx(expected, rel=1e-12)
    assert got[0] == pytest.approx(0.02 / 3)
    assert [got[499] < 0.02, got[500]] == [True, pytest.approx(0.02)]


def test_cosine_ends_at_zero_and_begins_with_the_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = DetectionRecipe(epochs=2, schedule="cosine", step_epochs=(), warmup_steps=4, warmup_factor=0.5)
    cosine = [
        0.01 * (1 + torch.cos(torch.tensor(torch.pi * step / 10, dtype=torch.float64)).item()) for step in range(10)
    ]
    warm = [0.5, 0.625, 0.75, 0.875] + [1.0] * 6
    expected = [rate * part for rate, part in zip(cosine, warm, strict=True)]
    assert learning_rates(recipe, 10, monkeypatch) == pytest.approx(expected, rel=1e-12)
