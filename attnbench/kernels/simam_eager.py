"""SimAM in PyTorch, with its gradient written out.

`attnbench.attention.simam` has the equations. With d_i = x_i − μ over m positions,
k = 1 / (4 (σ² + λ)), the gate p_i = sigmoid(k d_i² + ½) and the gradient G of the output:

    u_i  = G_i x_i p_i (1 − p_i)
    dx_i = p_i G_i + 2 k (u_i d_i − (1/m) Σ_j u_j d_j) − (8 k² / (m − 1)) d_i Σ_j u_j d_j²

Autograd would keep three more of the size of the map, in half precision seven; here
only the map is kept, beside μ and k.
"""

from typing import Any

import torch
from torch.autograd.function import once_differentiable

from attnbench.kernels.backend import differentiates
from attnbench.kernels.layout import layout_of, wide_dtype


def weigh(x: torch.Tensor, regularization: float) -> torch.Tensor:
    """Re-weight a map (N, C, H, W).

    Args:
        x: The map, in any memory layout.
        regularization: λ.
    """
    with torch.autocast(x.device.type, enabled=False):
        if differentiates():
            y: torch.Tensor = Weigh.apply(x, regularization)
            return y
        squares, precision, _ = _statistics(x, regularization)
        return x * _gate(squares, precision).to(x.dtype)


class Weigh(torch.autograd.Function):
    """SimAM of a map (N, C, H, W); differentiable once."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, regularization: float) -> torch.Tensor:
        """y, of the map and λ."""
        squares, precision, mean = _statistics(x, regularization)
        ctx.save_for_backward(x, mean, precision)
        return x * _gate(squares, precision).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of x."""
        x, mean, precision = ctx.saved_tensors
        positions = x.shape[2] * x.shape[3]
        with torch.autocast(x.device.type, enabled=False):
            difference = x - mean
            gate = _gate(difference.square(), precision)
            grad = grad_output.contiguous(memory_format=layout_of(x)) * gate
            through_gate = grad * x
            through_gate.addcmul_(through_gate, gate, value=-1).mul_(difference)
            level = 2 * precision / positions * through_gate.sum((2, 3), keepdim=True)
            squares = (through_gate * difference).sum((2, 3), keepdim=True)
            slope = 8 * precision.square() / max(positions - 1, 1) * squares
            grad.addcmul_(through_gate, 2 * precision).addcmul_(difference, slope, value=-1).sub_(level)
        return grad.to(x.dtype), None


def _statistics(x: torch.Tensor, regularization: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The squares d², and k and μ of each channel, in float32 at least."""
    mean = x.mean((2, 3), keepdim=True, dtype=wide_dtype(x))
    squares = (x - mean).square_()
    variance = squares.sum((2, 3), keepdim=True) / max(x.shape[2] * x.shape[3] - 1, 1)
    return squares, 1 / (4 * (variance + regularization)), mean


def _gate(squares: torch.Tensor, precision: torch.Tensor) -> torch.Tensor:
    """The gate p, in the place of d²."""
    return squares.mul_(precision).add_(0.5).sigmoid_()
