import numpy as np
import pytest
import torch

from attnbench.attention.simam import SimAM
from attnbench.errors import SpecError
from tests.attention.inputs import random_map
from tests.references.simam import simam


@pytest.mark.parametrize("regularization", [1e-4, 0.1])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 6), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], regularization: float) -> None:
    x = random_map(2, 3, *size)
    expected = simam(x.numpy(), regularization=regularization)
    np.testing.assert_allclose(SimAM(3, regularization=regularization)(x), expected, rtol=1e-11)


def test_has_no_parameters() -> None:
    assert not SimAM(64).state_dict()


def test_weighs_what_stands_out_most() -> None:
    x = torch.ones(1, 1, 3, 3)
    x[0, 0, 1, 1] = 2
    gate = SimAM(1)(x) / x
    assert gate.argmax() == 4


@pytest.mark.parametrize("regularization", [0, -1e-4, float("nan")])
def test_the_regularization_is_positive(regularization: float) -> None:
    with pytest.raises(SpecError, match="regularization must be positive; got regularization="):
        SimAM(8, regularization=regularization)
