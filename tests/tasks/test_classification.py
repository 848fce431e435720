import math

import pytest
import torch
from torch import nn

from attnbench.spec import Recipe
from attnbench.tasks import Classification
from attnbench.tasks.classification import learning_rate_factor


def test_evaluates_by_hand_counted_accuracies() -> None:
    task = Classification(nn.Identity(), Recipe(), num_classes=7)
    logits = torch.tensor([[9.0, 8, 7, 6, 5, 4, 3]]).repeat(4, 1)
    task.on_test_epoch_start()
    task.test_step((logits[:3], torch.tensor([0, 4, 5])), 0)
    task.test_step((logits[3:], torch.tensor([0])), 1)
    evaluated = task.evaluated()
    assert evaluated["top1_percent"] == 50.0
    assert evaluated["top5_percent"] == 75.0
    assert task.correct().tolist() == [True, False, False, True]
    log_sum = math.log(sum(math.exp(value) for value in logits[0].tolist()))
    expected = log_sum - (9 + 5 + 4 + 9) / 4
    assert evaluated["loss"] == pytest.approx(expected, rel=1e-6)


def test_forgets_the_last_evaluation() -> None:
    task = Classification(nn.Identity(), Recipe(), num_classes=2)
    for label, percent in ((0, 100.0), (1, 0.0)):
        task.on_validation_epoch_start()
        task.validation_step((torch.tensor([[1.0, 0.0]]), torch.tensor([label])), 0)
        assert task.evaluated()["top1_percent"] == percent


def test_smooths_labels_in_training_only() -> None:
    task = Classification(nn.Identity(), Recipe(label_smoothing=0.2), num_classes=2)
    logits = torch.tensor([[2.0, 0.0]])
    log_softmax = torch.log_softmax(logits, 1)[0]
    loss = task.training_step((logits, torch.tensor([0])), 0)
    assert float(loss) == pytest.approx(float(-(0.9 * log_softmax[0] + 0.1 * log_softmax[1])))
    task.on_validation_epoch_start()
    task.validation_step((logits, torch.tensor([0])), 0)
    assert task.evaluated()["loss"] == pytest.approx(float(-log_softmax[0]))


def test_warms_up_and_falls_to_zero() -> None:
    recipe = Recipe(epochs=11, warmup_epochs=1)
    factors = [learning_rate_factor(recipe, epoch / 10) for epoch in range(111)]
    assert factors[:11] == pytest.approx([step / 10 for step in range(11)])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[60] == pytest.approx(0.5)
    assert factors[-1] == 0


def test_steps() -> None:
    recipe = Recipe(epochs=100, schedule="step", step_epochs=(30, 60, 90))
    assert [round(learning_rate_factor(recipe, epoch), 6) for epoch in (0, 29.9, 30, 60, 95)] == [
        1,
        1,
        0.1,
        0.01,
        0.001,
    ]
