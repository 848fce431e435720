"""The gradient that is written out, held to autograd's of the plain equations."""

import pytest
import torch

from attnbench.kernels.simam_eager import weigh
from tests.kernels.kept import kept_bytes

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])


def plain(x: torch.Tensor, regularization: float) -> torch.Tensor:
    """SimAM as autograd differentiates it."""
    squares = (x - x.mean((2, 3), keepdim=True)).square()
    variance = squares.sum((2, 3), keepdim=True) / max(x.shape[2] * x.shape[3] - 1, 1)
    return x * torch.sigmoid(squares / (4 * (variance + regularization)) + 0.5)


def random_map(layout: torch.memory_format, *size: int) -> torch.Tensor:
    x = torch.randn(2, 4, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.5
    return x.contiguous(memory_format=layout).requires_grad_()


@LAYOUTS
@pytest.mark.parametrize("regularization", [1e-4, 0.1])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 2), (1, 1)])
def test_the_gradient_is_that_of_the_equations(
    size: tuple[int, int], regularization: float, layout: torch.memory_format
) -> None:
    x = random_map(layout, *size)
    y, expected = weigh(x, regularization), plain(x, regularization)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-13)
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    (got,), (right,) = torch.autograd.grad(y, x, slope), torch.autograd.grad(expected, x, slope)
    torch.testing.assert_close(got, right, rtol=1e-9, atol=1e-11)
    assert got.is_contiguous(memory_format=layout)
    with torch.no_grad():
        torch.testing.assert_close(weigh(x, regularization), expected, rtol=1e-12, atol=1e-13)


@LAYOUTS
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision_only_the_ends_are_rounded(dtype: torch.dtype, layout: torch.memory_format) -> None:
    x = random_map(layout, 8, 8).detach().to(dtype).requires_grad_()
    y = weigh(x, 1e-4)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    (got,) = torch.autograd.grad(y, x, slope)
    exact = x.detach().double().requires_grad_()
    expected = plain(exact, 1e-4)
    (right,) = torch.autograd.grad(expected, exact, slope.double())
    one_rounding = torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), expected, rtol=one_rounding, atol=0)
    torch.testing.assert_close(got.double(), right, rtol=one_rounding, atol=1e-5)


@LAYOUTS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_nothing_but_the_map(dtype: torch.dtype, layout: torch.memory_format) -> None:
    x = torch.randn(2, 4, 16, 16).to(dtype).contiguous(memory_format=layout).requires_grad_()
    assert kept_bytes(lambda given: weigh(given, 1e-4), x) <= 1.02


def test_cannot_be_differentiated_twice() -> None:
    x = random_map(torch.contiguous_format, 3, 3)
    (slope,) = torch.autograd.grad(weigh(x, 1e-4).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()
