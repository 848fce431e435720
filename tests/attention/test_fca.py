from typing import Any, Literal

import numpy as np
import pytest
import torch

from attnbench.attention.fca import FrequencyChannelAttention
from attnbench.attention.se import SqueezeExcitation
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, made_in_float64, random_map
from tests.references.fca import fca

# The four best and the four lowest frequencies of the paper.
PAIRS = {"top": [(0, 0), (0, 1), (6, 0), (0, 5)], "low": [(0, 0), (0, 1), (1, 0), (1, 1)]}


@pytest.mark.parametrize("order", ["top", "low"])
@pytest.mark.parametrize("size", [(7, 7), (14, 9), (5, 3), (1, 1)])
@pytest.mark.parametrize("grid", [7, 14])
def test_equals_the_paper(size: tuple[int, int], order: Literal["top", "low"], grid: int) -> None:
    with made_in_float64():
        module = filled(FrequencyChannelAttention(8, frequencies=4, order=order, reduction=2, grid=grid))
    state = arrays(module)
    x = random_map(2, 8, *size)
    pairs = [(u * grid // 7, v * grid // 7) for u, v in PAIRS[order]]
    expected = fca(x.numpy(), pairs, state["squeeze.weight"], state["excite.weight"], points=grid)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-11)


def test_one_frequency_is_se_without_biases() -> None:
    with made_in_float64():
        module = filled(FrequencyChannelAttention(16, frequencies=1, reduction=4))
    se = SqueezeExcitation(16, reduction=4, source="paper").double()
    se.excite.weight.data = module.excite.weight.data
    # The coefficient is 7 times the mean.
    se.squeeze.weight.data = 7 * module.squeeze.weight.data
    x = random_map(2, 16, 7, 7)
    torch.testing.assert_close(module(x), se(x), rtol=1e-12, atol=0)


@pytest.mark.parametrize("order", ["top", "low"])
def test_all_frequencies_differ(order: Literal["top", "low"]) -> None:
    with made_in_float64():
        basis = FrequencyChannelAttention(32, frequencies=32, order=order).basis.flatten(1)
    torch.testing.assert_close(basis @ basis.T, torch.eye(32, dtype=torch.float64), rtol=0, atol=1e-14)


def test_the_basis_is_of_the_type_of_the_layers() -> None:
    module = FrequencyChannelAttention(16)
    assert module.basis.dtype == module.squeeze.weight.dtype == torch.float32
    with made_in_float64():
        wide = FrequencyChannelAttention(16)
    assert wide.basis.dtype == wide.squeeze.weight.dtype == torch.float64
    assert torch.equal(module.basis, wide.basis.float())


def test_states_fit_whatever_type_they_are_made_in() -> None:
    with made_in_float64():
        wide = FrequencyChannelAttention(16)
    module = FrequencyChannelAttention(16)
    module.load_state_dict(wide.state_dict())
    assert torch.equal(module.squeeze.weight, wide.squeeze.weight.float())


def test_has_the_papers_parameters() -> None:
    module = FrequencyChannelAttention(256)
    assert sum(p.numel() for p in module.parameters()) == 2 * 256**2 // 16
    assert set(module.state_dict()) == {"squeeze.weight", "excite.weight"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frequencies": 0}, "frequencies must lie in 1 … 32 and divide channels; got frequencies=0, channels=64"),
        ({"frequencies": 3}, "got frequencies=3, channels=64"),
        ({"frequencies": 64}, "got frequencies=64, channels=64"),
        ({"order": "bot"}, "order must be top or low; got order=bot"),
        ({"grid": 8}, "grid must be a multiple of 7; got grid=8"),
        ({"reduction": 65}, "reduction must lie in 1 … channels"),
    ],
)
def test_says_what_is_allowed(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        FrequencyChannelAttention(64, **settings)
