import math

import pytest
import torch

from attnbench.tasks.epoch_mean import EpochMean


def test_each_step_counts_by_its_images() -> None:
    mean = EpochMean()
    mean.update(torch.tensor(1.0), 3)
    mean.update(torch.tensor(5.0), 1)
    assert mean.compute() == 2.0
    mean.reset()
    mean.update(torch.tensor(7.0))
    assert mean.compute() == 7.0


def test_long_epochs_lose_no_digits() -> None:
    """In float32 a sum of 100,000 tenths is off in the fifth digit."""
    mean = EpochMean()
    for _ in range(100_000):
        mean.update(torch.tensor(0.1), 256)
    assert mean.compute() == pytest.approx(float(torch.tensor(0.1)), rel=1e-12)


def test_keeps_no_graph_and_shows_what_is_not_finite() -> None:
    weight = torch.ones(1, requires_grad=True)
    mean = EpochMean()
    mean.update((2 * weight).sum())
    assert not mean._losses[0].requires_grad
    mean.update(torch.tensor(math.nan))
    assert math.isnan(mean.compute())
