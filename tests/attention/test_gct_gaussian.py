import math
from typing import Any

import numpy as np
import pytest
import torch

from attnbench.attention.gct_gaussian import GaussianContextTransformer
from attnbench.errors import SpecError
from tests.attention.inputs import random_map
from tests.references.gct_gaussian import gct_gaussian

SIZES = [(5, 5), (4, 7), (1, 1), (1, 6)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("deviation", [0.5, 2.0, 3])
def test_equals_the_paper(size: tuple[int, int], deviation: float) -> None:
    x = random_map(2, 6, *size)
    expected = gct_gaussian(x.numpy(), deviation=deviation)
    np.testing.assert_allclose(GaussianContextTransformer(6, deviation=deviation)(x), expected, rtol=1e-12)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theta", [-20.0, -0.7, 0.0, 1.3, 20.0])
def test_the_learnt_deviation_lies_between_1_and_4(size: tuple[int, int], theta: float) -> None:
    module = GaussianContextTransformer(6, deviation="learnt").double()
    assert module.theta is not None
    torch.nn.init.constant_(module.theta, theta)
    x = random_map(2, 6, *size)
    deviation = 1 + 3 / (1 + math.exp(-theta))
    np.testing.assert_allclose(module(x).detach(), gct_gaussian(x.numpy(), deviation=deviation), rtol=1e-12)


def test_has_the_papers_parameters() -> None:
    assert list(GaussianContextTransformer(64).parameters()) == []
    (theta,) = GaussianContextTransformer(64, deviation="learnt").parameters()
    assert theta.tolist() == [0.0]


def test_has_the_papers_constant_by_default() -> None:
    x = random_map(2, 6, 5, 5)
    assert torch.equal(GaussianContextTransformer(6)(x), GaussianContextTransformer(6, deviation=2.0)(x))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_contexts_are_equal_nothing_changes(value: float) -> None:
    x = torch.full((1, 4, 4, 5), value, requires_grad=True)
    y = GaussianContextTransformer(4)(x)
    y.sum().backward()
    torch.testing.assert_close(y, x)
    torch.testing.assert_close(x.grad, torch.ones_like(x))


def test_does_not_overflow_in_half_precision() -> None:
    x = (torch.linspace(-2e4, 2e4, 8)[:, None, None] + 100 * random_map(2, 8, 4, 4)).half()
    y = GaussianContextTransformer(8)(x)
    torch.testing.assert_close(y.float(), GaussianContextTransformer(8)(x.float()), rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("deviation", [0.0, -1.0, math.inf, math.nan, "wide"])
def test_the_deviation_is_positive_or_learnt(deviation: Any) -> None:
    with pytest.raises(SpecError, match=f"deviation must be positive, or learnt; got deviation={deviation}"):
        GaussianContextTransformer(8, deviation=deviation)
