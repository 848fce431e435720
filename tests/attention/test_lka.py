import numpy as np
import pytest
import torch

from attnbench.attention.lka import LargeKernelAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.lka import lka


@pytest.mark.parametrize(("kernel_size", "dilation"), [(21, 3), (7, 3), (6, 2), (5, 1)])
@pytest.mark.parametrize("size", [(5, 5), (4, 12), (25, 3), (1, 1), (1, 6)])
def test_equals_the_paper(size: tuple[int, int], kernel_size: int, dilation: int) -> None:
    module = filled(LargeKernelAttention(4, kernel_size=kernel_size, dilation=dilation))
    x = random_map(2, 4, *size)
    expected = lka(x.numpy(), arrays(module), dilation=dilation)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-9, atol=1e-11)


def parameters(channels: int, kernel_size: int, dilation: int) -> int:
    module = LargeKernelAttention(channels, kernel_size=kernel_size, dilation=dilation)
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("channels", [32, 64, 256])
@pytest.mark.parametrize(("kernel_size", "dilation"), [(21, 3), (35, 5), (7, 3), (5, 1)])
def test_has_the_papers_parameters(channels: int, kernel_size: int, dilation: int) -> None:
    # The paper leaves out the biases, of which each of the three convolutions has one a channel.
    weights = channels * (-(-kernel_size // dilation)) ** 2 + channels * (2 * dilation - 1) ** 2 + channels**2
    assert parameters(channels, kernel_size, dilation) == weights + 3 * channels


def test_is_a_5_by_5_and_a_dilated_7_by_7_kernel_by_default() -> None:
    module = LargeKernelAttention(4)
    assert (module.near.kernel_size, module.near.dilation) == ((5, 5), (1, 1))
    assert (module.far.kernel_size, module.far.dilation) == ((7, 7), (3, 3))


def test_starts_as_the_authors_do() -> None:
    torch.manual_seed(0)
    module = LargeKernelAttention(256)
    for conv, fan_out in ((module.near, 25), (module.far, 49), (module.mix, 256)):
        assert float(conv.weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
        assert not conv.bias.any()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kernel_size", "dilation", "message"),
    [
        (21, 0, "dilation must be at least 1; got dilation=0"),
        (20, 2, "rounded up, must be odd and positive; got kernel_size=20, dilation=2: 10"),
        (-3, 1, "rounded up, must be odd and positive; got kernel_size=-3, dilation=1: -3"),
    ],
)
def test_says_what_is_allowed(kernel_size: int, dilation: int, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        LargeKernelAttention(64, kernel_size=kernel_size, dilation=dilation)
