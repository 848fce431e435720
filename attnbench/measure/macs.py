"""Multiply-accumulates of a forward pass, and what that number leaves out."""

import copy
import warnings
from dataclasses import dataclass

import torch
from torch import nn

with warnings.catch_warnings():
    # fvcore is built on torch.jit, which torch deprecates.
    warnings.filterwarnings("ignore", message=".*torch.jit")
    from fvcore.nn import FlopCountAnalysis


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
    copied = copy.deepcopy(model).to("cpu").eval()
    analysis = FlopCountAnalysis(copied, torch.zeros(1, *image_shape))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    # Without gradients, as in inference: what only they need is not counted.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", message=".*torch.jit")
        macs = int(analysis.total())
    return Macs(macs, dict(sorted(analysis.unsupported_ops().items())))
