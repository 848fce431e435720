"""Pooling whose gradients are written out, held to autograd's of the plain operators."""

from collections.abc import Callable

import pytest
import torch
from torch.nn import functional

from attnbench.kernels.pooling import absolute_sum, grid_mean, highest_and_mean, mean, moments
from tests.kernels.kept import kept_bytes

Pooled = Callable[[torch.Tensor], tuple[torch.Tensor, ...]]

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "NHWC"])


def tied_map(layout: torch.memory_format, *size: int) -> torch.Tensor:
    """A map in which many values are equal, as in half precision."""
    values = torch.randint(-2, 3, (2, 3, *size), generator=torch.Generator().manual_seed(0))
    return values.double().contiguous(memory_format=layout).requires_grad_()


def along(dim: int) -> tuple[Pooled, Pooled]:
    return (
        lambda x: (mean(x, dim), *highest_and_mean(x, dim)),
        lambda x: (x.mean(dim, keepdim=True), x.amax(dim, keepdim=True), x.mean(dim, keepdim=True)),
    )


POOLED: dict[str, tuple[Pooled, Pooled]] = {
    "positions": (lambda x: (mean(x, 2, 3),), lambda x: (x.mean((2, 3), keepdim=True),)),
    **{f"dimension {dim}": along(dim) for dim in (1, 2, 3)},
    "grid": (lambda x: (grid_mean(x, 2),), lambda x: (functional.adaptive_avg_pool2d(x, 2),)),
    "moments": (
        moments,
        lambda x: (x.mean((2, 3), keepdim=True), (x - x.mean((2, 3), keepdim=True)).square().sum((2, 3), keepdim=True)),
    ),
    "absolute sum": (lambda x: (absolute_sum(x, power=1),), lambda x: (x.abs().sum((2, 3), keepdim=True),)),
    "sum of squares": (lambda x: (absolute_sum(x, power=2),), lambda x: (x.square().sum((2, 3), keepdim=True),)),
}
CASES = pytest.mark.parametrize(("pool", "plain"), POOLED.values(), ids=POOLED)


@LAYOUTS
@pytest.mark.parametrize("size", [(4, 6), (5, 4), (1, 1), (1, 6)])
@CASES
def test_values_and_gradients_are_those_of_torch(
    pool: Pooled, plain: Pooled, size: tuple[int, int], layout: torch.memory_format
) -> None:
    x = tied_map(layout, *size)
    got, expected = pool(x), plain(x)
    torch.testing.assert_close(got, expected)
    generator = torch.Generator().manual_seed(1)
    slopes = [torch.randn(each.shape, dtype=each.dtype, generator=generator) for each in expected]
    # A second path to the map, which the gradient is added to.
    gradients = [torch.autograd.grad([*each, 3 * x], x, [*slopes, torch.ones_like(x)]) for each in (got, expected)]
    torch.testing.assert_close(*gradients)
    with torch.no_grad():
        torch.testing.assert_close(pool(x), expected)


@LAYOUTS
@CASES
def test_keeps_nothing_but_the_map(pool: Pooled, plain: Pooled, layout: torch.memory_format) -> None:
    x = torch.randn(2, 16, 16, 16).bfloat16().contiguous(memory_format=layout).requires_grad_()
    assert kept_bytes(lambda given: sum(each.sum() for each in (*pool(given), given.sum())), x) < 1.2


@LAYOUTS
@pytest.mark.parametrize("pool", [lambda x: (mean(x, 2, 3, dtype=torch.float32),), moments], ids=["mean", "moments"])
def test_half_precision_is_summed_in_float32_and_its_gradient_comes_back_in_it(
    pool: Pooled, layout: torch.memory_format
) -> None:
    x = (100 + torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))).bfloat16()
    x = x.contiguous(memory_format=layout).requires_grad_()
    got, exact = pool(x), pool(x.detach().double())
    for each, right in zip(got, exact, strict=False):
        assert each.dtype == torch.float32
        torch.testing.assert_close(each.double(), right.double(), rtol=1e-5, atol=0)
    (gradient,) = torch.autograd.grad(sum(each.sum() for each in got), x)
    assert gradient.dtype == torch.bfloat16


def test_means_and_moments_can_be_differentiated_twice() -> None:
    x = torch.randn(1, 2, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    for pool in (lambda x: mean(x, 2), moments, lambda x: absolute_sum(x, power=2)):
        assert torch.autograd.gradgradcheck(pool, (x,))
