import numpy as np
import pytest
import torch

from attnbench.attention.sa import ShuffleAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.sa import sa


@pytest.mark.parametrize("size", [(5, 5), (4, 7), (7, 3), (1, 1), (1, 6)])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_equals_the_paper(size: tuple[int, int], groups: int) -> None:
    module = filled(ShuffleAttention(12, groups=groups))
    x = random_map(2, 12, *size)
    expected = sa(x.numpy(), arrays(module), groups=groups)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)
    last = x.contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(module(last).detach(), expected, rtol=1e-10, atol=1e-13)


def test_takes_a_single_value() -> None:
    module = filled(ShuffleAttention(2, groups=1))
    x = random_map(1, 2, 1, 1)
    np.testing.assert_allclose(module(x).detach(), sa(x.numpy(), arrays(module), groups=1), rtol=1e-12)


@pytest.mark.parametrize(("channels", "groups"), [(256, 64), (2048, 64), (64, 8)])
def test_has_the_papers_parameters(channels: int, groups: int) -> None:
    # Scale and shift of both gates and of the norm, for half of a group's channels.
    module = ShuffleAttention(channels, groups=groups)
    assert sum(p.numel() for p in module.parameters()) == 6 * (channels // (2 * groups))


def test_starts_from_a_constant_gate_and_shuffles() -> None:
    x = random_map(2, 8, 4, 5)
    y = ShuffleAttention(8, groups=2).double()(x)
    shuffled = x[:, [0, 4, 1, 5, 2, 6, 3, 7]]
    torch.testing.assert_close(y, shuffled * torch.sigmoid(torch.tensor(1.0, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("channels", "groups", "allowed"), [(64, 64, "1, 2, 4, 8, 16, 32"), (12, 0, "1, 2, 3, 6"), (7, 1, "none")]
)
def test_twice_the_groups_must_divide_the_channels(channels: int, groups: int, allowed: str) -> None:
    message = f"2·groups must divide channels; got groups={groups}, channels={channels}; allowed: {allowed}$"
    with pytest.raises(SpecError, match=message):
        ShuffleAttention(channels, groups=groups)
