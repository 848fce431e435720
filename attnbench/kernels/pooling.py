"""Means, maxima and moments of feature maps, whose gradients cost few passes over the map and keep nothing but it.

Autograd fills a map with the gradient of a mean, in NCHW whatever the layout of the map, and adds it to what else
flows there; here it is added as it is, one value for all that it is the mean of.
"""

from math import prod
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable
from torch.nn import functional

from attnbench.kernels.backend import differentiates
from attnbench.kernels.layout import at_least_float32, is_channels_last, wide_dtype, written_to


class Fold(NamedTuple):
    """A map (N, C, H, W) with what lies before and after one dimension in one each; a view in either memory layout.

    On a CPU torch reduces the middle of three dimensions up to a hundred times faster than a row or a column of a
    map that is channels last.
    """

    order: tuple[int, ...]
    """Dimensions as they lie in memory."""
    position: int
    """Where in that order the dimension is."""

    def folded(self, tensor: torch.Tensor) -> torch.Tensor:
        """The map, or what has size 1 where the map has that dimension."""
        laid = tensor.permute(self.order).flatten(0, self.position - 1)
        return laid.flatten(2) if laid.ndim > 2 else laid.unsqueeze(2)

    def unfolded(self, tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """What was folded, or reduced of it, with the other dimensions of `like`."""
        shape = [like.shape[dimension] for dimension in self.order]
        shape[self.position] = tensor.shape[1]
        inverse = [self.order.index(dimension) for dimension in range(len(shape))]
        return tensor.reshape(shape).permute(inverse)


def fold(x: torch.Tensor, dim: int) -> Fold:
    """How the map (N, C, H, W) is folded about a dimension."""
    order = (0, 2, 3, 1) if is_channels_last(x) else (0, 1, 2, 3)
    return Fold(order, order.index(dim))


def mean(x: torch.Tensor, *dims: int, dtype: torch.dtype | None = None) -> torch.Tensor:
    """The mean over dimensions that stay with size 1, added up in float32 at least.

    Args:
        x: A map (N, C, H, W).
        *dims: The dimensions.
        dtype: Of the result; by default that of the map.
    """
    result: torch.Tensor = _Mean.apply(x, dims, dtype) if differentiates() else _mean(x, dims, dtype)
    return result


def highest_and_mean(x: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The maximum, whose gradient is shared by all values that equal it, and the mean over a dimension that stays."""
    if differentiates():
        highest, average = _HighestAndMean.apply(x, dim)
        return highest, average
    return _highest_and_mean(x, dim)


def grid_mean(x: torch.Tensor, points: int) -> torch.Tensor:
    """The map (N, C, H, W) averaged to a grid of so many points a side."""
    if differentiates() and x.shape[2] % points == x.shape[3] % points == 0:
        result: torch.Tensor = _GridMean.apply(x, points)
        return result
    return functional.adaptive_avg_pool2d(x, points)


def moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and sum of squared differences from it over positions: each (N, C, 1, 1), in float32 at least."""
    if differentiates():
        average, squares = _Moments.apply(x)
        return average, squares
    return _moments(x)


def absolute_sum(x: torch.Tensor, *, power: int) -> torch.Tensor:
    """Σ |x| or Σ x² over positions: (N, C, 1, 1), in float32 at least.

    Args:
        x: A map (N, C, H, W).
        power: 1 or 2.
    """
    result: torch.Tensor = _AbsoluteSum.apply(x, power) if differentiates() else _absolute_sum(x, power)
    return result


def _mean(x: torch.Tensor, dims: tuple[int, ...], dtype: torch.dtype | None) -> torch.Tensor:
    if len(dims) > 1 or not is_channels_last(x):
        return x.mean(dims, keepdim=True, dtype=dtype)
    about = fold(x, *dims)
    return about.unfolded(about.folded(x).mean(1, keepdim=True, dtype=dtype), x)


class _Mean(torch.autograd.Function):
    """See `mean`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dims: tuple[int, ...], dtype: torch.dtype | None) -> torch.Tensor:
        ctx.shape, ctx.dtype = x.shape, x.dtype
        return _mean(x, dims, dtype)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        share = grad * (grad.numel() / prod(ctx.shape))
        return share.to(ctx.dtype).expand(ctx.shape), None, None


def _highest_and_mean(x: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    about = fold(x, dim)
    folded = about.folded(x)
    return about.unfolded(folded.amax(1, keepdim=True), x), about.unfolded(folded.mean(1, keepdim=True), x)


class _HighestAndMean(torch.autograd.Function):
    """See `highest_and_mean`; differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
        highest, average = _highest_and_mean(x, dim)
        ctx.save_for_backward(x, highest)
        ctx.dim = dim
        return highest, average

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_highest: torch.Tensor, grad_mean: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, highest = ctx.saved_tensors
        about = fold(x, ctx.dim)
        folded, highest, grad_highest, grad_mean = map(about.folded, (x, highest, grad_highest, grad_mean))
        # Not in bool, which torch compares in and adds up several times slower.
        equal = torch.eq(folded, highest, out=written_to(torch.empty_like(folded, dtype=wide_dtype(highest))))
        share = grad_highest / equal.sum(1, keepdim=True)
        grad = torch.addcmul(at_least_float32(grad_mean) / folded.shape[1], equal, share, out=written_to(equal))
        return about.unfolded(grad.to(x.dtype), x), None


class _GridMean(torch.autograd.Function):
    """See `grid_mean`; of cells of one size. On a CPU torch fills the gradient in NCHW whatever the map's layout."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, points: int) -> torch.Tensor:
        ctx.cell = x.shape[2] // points, x.shape[3] // points
        ctx.is_channels_last = is_channels_last(x)
        return functional.adaptive_avg_pool2d(x, points)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        share = grad / prod(ctx.cell)
        rows, columns = ctx.cell
        if ctx.is_channels_last:
            cells = share.permute(0, 2, 3, 1)[:, :, None, :, None].expand(-1, -1, rows, -1, columns, -1)
            return cells.flatten(3, 4).flatten(1, 2).permute(0, 3, 1, 2), None
        cells = share[:, :, :, None, :, None].expand(-1, -1, -1, rows, -1, columns)
        return cells.flatten(4, 5).flatten(2, 3), None


def _moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    average = x.mean((2, 3), keepdim=True, dtype=wide_dtype(x))
    # By hand, not by torch's var_mean, which on a CPU is several times slower.
    return average, (x - average).square().sum((2, 3), keepdim=True)


class _Moments(torch.autograd.Function):
    """See `moments`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        average, squares = _moments(x)
        ctx.save_for_backward(x, average)
        return average, squares

    @staticmethod
    def backward(ctx: Any, grad_mean: torch.Tensor, grad_squares: torch.Tensor) -> torch.Tensor:
        x, average = ctx.saved_tensors
        slope = 2 * grad_squares
        level = grad_mean / (x.shape[2] * x.shape[3]) - slope * average
        return torch.addcmul(level, at_least_float32(x), slope).to(x.dtype)


def _absolute_sum(x: torch.Tensor, power: int) -> torch.Tensor:
    wide = at_least_float32(x)
    return (wide.abs() if power == 1 else wide.square()).sum((2, 3), keepdim=True)


class _AbsoluteSum(torch.autograd.Function):
    """See `absolute_sum`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, power: int) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.power = power
        return _absolute_sum(x, power)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        slope = x.sgn() * grad if ctx.power == 1 else x * (2 * grad)
        return slope.to(x.dtype), None
