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
    assert mean.first_not_finite() == (2, pytest.approx(math.nan, nan_ok=True))


@pytest.mark.parametrize(("value", "text"), [(math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan")])
def test_the_first_step_that_is_not_finite_is_found(value: float, text: str) -> None:
    mean = EpochMean()
    mean.update(torch.tensor(1.0))
    assert (mean.num_steps, mean.first_not_finite()) == (1, None)
    for loss in (3e38, value, math.nan):
        mean.update(torch.tensor(loss))
    step, loss = mean.first_not_finite() or (0, 0.0)
    assert (mean.num_steps, step, str(loss)) == (4, 3, text)
    mean.reset()
    mean.update(torch.tensor(value))
    assert (mean.first_not_finite() or (0, 0.0))[0] == 1


@pytest.mark.parametrize(
    ("others", "expected"),
    [([None, None], (3, math.inf)), ([(2, -math.inf), None], (2, -math.inf)), ([(4, -math.inf)], (3, math.inf))],
)
def test_the_first_step_of_any_rank_counts(
    others: list[tuple[int, float] | None], expected: tuple[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attnbench.tasks.epoch_mean.gathered", lambda own: [own, *others])
    mean = EpochMean()
    for loss in (1.0, 2.0, math.inf):
        mean.update(torch.tensor(loss))
    assert mean.first_not_finite() == expected
