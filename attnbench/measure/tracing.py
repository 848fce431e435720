"""One traced forward pass, whose operators fvcore counts."""

import copy
import warnings
from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import nn

with warnings.catch_warnings():
    # fvcore is built on torch.jit, which torch deprecates.
    warnings.filterwarnings("ignore", message=".*torch.jit")
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import Handle, conv_flop_jit, get_shape


def _elements_pooled(inputs: list[Any], outputs: list[Any]) -> int:
    return prod(get_shape(inputs[0]))


# Operators of the house with an adaptive pooling in them, which fvcore's own rules count.
_POOLS: Mapping[str, Handle] = {
    "attnbench::gather_excite": _elements_pooled,
    "attnbench::gather_excite_add_relu": _elements_pooled,
}
__all__ = ["Handle", "analysed", "conv_flop_jit", "get_shape"]


def analysed(
    model: nn.Module, image_shape: tuple[int, int, int], rules: Mapping[str, Handle] | None = None
) -> FlopCountAnalysis:
    """Trace one image through a copy of the model, in evaluation mode and without gradients, as inference runs.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).
        rules: What to count for operators by name, beside and in place of fvcore's own rules.

    Returns:
        The analysis, already done.
    """
    copied = copy.deepcopy(model).to("cpu").eval()
    handles = {**_POOLS, **dict(rules or {})}
    analysis = FlopCountAnalysis(copied, torch.zeros(1, *image_shape)).set_op_handle(**handles)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", message=".*torch.jit")
        analysis.total()
    return analysis
