"""Multiply-accumulates of a forward pass, and what that number leaves out."""

from dataclasses import dataclass

from torch import nn

from attnbench.measure.tracing import analysed


@dataclass(frozen=True)
class Macs:
    """A count by fvcore's default rules."""

    macs: int
    """Multiply-accumulates of one image."""
    uncounted_operators: dict[str, int]
    """Operators without a rule, and how often one forward pass runs them, sorted by name."""


def count_macs(model: nn.Module, image_shape: tuple[int, int, int]) -> Macs:
    """Count the multiply-accumulates of one image in evaluation mode, by fvcore's default rules.

    Those rules count convolutions, linear layers, matrix products, batch norm
    and adaptive pooling, and neither element-wise operators nor reductions.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).
    """
    analysis = analysed(model, image_shape)
    return Macs(int(analysis.total()), dict(sorted(analysis.unsupported_ops().items())))
