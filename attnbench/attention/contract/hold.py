"""Demands on tensors that several checks of the contract make."""

import torch
from torch import nn

from attnbench.attention.contract.words import on, shape_of
from attnbench.errors import ContractError


def hold_finite(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    """Raise a ContractError if an output is not finite."""
    if not torch.isfinite(y).all():
        cause = "; one position has no spread: guard divisions and roots" if x[0, 0].numel() == 1 else ""
        raise ContractError(f"gives NaN or infinity {on(module, x)}{cause}")


def hold_near(got: torch.Tensor, expected: torch.Tensor, *, rtol: float, atol: float, what: str) -> float:
    """The largest difference of two tensors.

    Raises:
        ContractError: If some element differs by more than ``atol + rtol * |expected|``; it begins with `what`.
    """
    if got.shape != expected.shape:
        raise ContractError(f"{what} gives {shape_of(got)} where {shape_of(expected)} is expected")
    if not expected.numel():
        return 0.0
    got, expected = got.detach(), expected.detach()
    largest = float((got - expected).abs().max())
    if not torch.isclose(got, expected, rtol=rtol, atol=atol).all():
        raise ContractError(
            f"{what} differs by up to {largest:.1g} on {shape_of(got)}, whose largest value is "
            f"{float(expected.abs().max()):.1g}"
        )
    return largest
