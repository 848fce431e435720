import numpy as np
import pytest
import torch

from attnbench.attention.ema import EfficientMultiScaleAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.ema import ema


@pytest.mark.parametrize("size", [(5, 5), (4, 7), (7, 3), (1, 1), (1, 6)])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_equals_the_paper(size: tuple[int, int], groups: int) -> None:
    module = filled(EfficientMultiScaleAttention(6, groups=groups))
    x = random_map(2, 6, *size)
    expected = ema(x.numpy(), arrays(module), groups=groups)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)


def test_takes_a_single_value() -> None:
    module = filled(EfficientMultiScaleAttention(2, groups=1))
    x = random_map(1, 2, 1, 1)
    np.testing.assert_allclose(module(x).detach(), ema(x.numpy(), arrays(module), groups=1), rtol=1e-12)


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (2048, 32), (256, 8)])
def test_has_the_papers_parameters(channels: int, groups: int) -> None:
    width = channels // groups
    narrow, local, norm = width**2 + width, 9 * width**2 + width, 2 * width
    module = EfficientMultiScaleAttention(channels, groups=groups)
    assert sum(p.numel() for p in module.parameters()) == narrow + local + norm


def test_has_32_groups_as_the_authors_by_default() -> None:
    assert EfficientMultiScaleAttention(256).local.in_channels == 256 // 32


def test_the_norms_shift_weighs_the_wide_branch_for_every_image() -> None:
    module = filled(EfficientMultiScaleAttention(8, groups=2))
    x = random_map(3, 8, 5, 4).reshape(6, 4, 5, 4)
    means = module._narrow(x).detach().mean((2, 3))
    torch.testing.assert_close(means, module.norm.bias.detach().expand(6, 4))


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(
        SpecError, match="groups must divide channels; got groups=32, channels=16; allowed: 1, 2, 4, 8, 16"
    ):
        EfficientMultiScaleAttention(16)
