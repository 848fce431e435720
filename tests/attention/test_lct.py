import numpy as np
import pytest
import torch

from attnbench.attention.lct import LinearContextTransform
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.lct import lct


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], groups: int) -> None:
    module = filled(LinearContextTransform(8, groups=groups))
    x = random_map(2, 8, *size)
    np.testing.assert_allclose(module(x).detach(), lct(x.numpy(), **arrays(module), groups=groups), rtol=1e-10)


def test_starts_from_a_constant_gate() -> None:
    x = random_map(2, 8, 4, 4)
    expected = x * torch.sigmoid(torch.tensor(1.0))
    torch.testing.assert_close(LinearContextTransform(8, groups=4).double()(x), expected)


@pytest.mark.parametrize(("channels", "groups"), [(64, 64), (256, 32)])
def test_has_the_papers_parameters(channels: int, groups: int) -> None:
    module = LinearContextTransform(channels, groups=groups)
    assert sum(p.numel() for p in module.parameters()) == 2 * channels


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(SpecError, match="groups must divide channels; got groups=48, channels=64"):
        LinearContextTransform(64, groups=48)
