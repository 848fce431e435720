"""What the convention `full` counts for each operator, and why.

A multiply-accumulate counts once, and so does any other single operation on an
element: an addition, a division, a root, an exponential. No weight is given to how
long an operation takes; that is what timings are for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch

from attnbench.measure.tracing import conv_flop_jit, get_shape

Counter = Callable[[list[Any], list[Any]], int]
"""Count of one operator, of its inputs and outputs in the traced graph."""


@dataclass(frozen=True)
class Rule:
    """What is counted for some operators."""

    operators: tuple[str, ...]
    """Their names in the traced graph, PyTorch's own without ``aten::``."""
    count: Counter
    """The count."""
    reason: str
    """What it is, in words, for the documentation."""


def size_of(value: Any) -> int:
    """Elements of a tensor in the traced graph; 0 for what is none, and for a whole number made of shapes."""
    shape = get_shape(value)
    if shape is None or (not shape and value.type().dtype() == torch.int64):
        return 0
    return prod(shape)


def _bias(inputs: list[Any], outputs: list[Any], index: int) -> int:
    return size_of(outputs[0]) if len(inputs) > index and get_shape(inputs[index]) is not None else 0


def convolution(inputs: list[Any], outputs: list[Any]) -> int:
    """One a weight and output position, and one an output for the bias."""
    return int(sum(conv_flop_jit(inputs, outputs).values())) + _bias(inputs, outputs, 2)


def _linear(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0]) * int(get_shape(inputs[1])[1]) + _bias(inputs, outputs, 2)


def _addmm(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0]) * (int(get_shape(inputs[1])[1]) + 1)


def _matmul(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0]) * int(get_shape(inputs[0])[-1])


def _outputs(times: int) -> Counter:
    return lambda inputs, outputs: times * size_of(outputs[0])


def per_input(times: int) -> Counter:
    """So many an element of the first input."""
    return lambda inputs, outputs: times * size_of(inputs[0])


def _norm(affine_index: int) -> Counter:
    def count(inputs: list[Any], outputs: list[Any]) -> int:
        affine = get_shape(inputs[affine_index]) is not None
        return (6 if affine else 5) * size_of(inputs[0])

    return count


def _batch_norm(inputs: list[Any], outputs: list[Any]) -> int:
    return (2 if get_shape(inputs[1]) is not None else 1) * size_of(inputs[0])


def _window(kernel_index: int) -> Counter:
    def count(inputs: list[Any], outputs: list[Any]) -> int:
        kernel = inputs[kernel_index].node()
        sizes = [value.toIValue() for value in kernel.inputs()]
        return size_of(outputs[0]) * int(prod(sizes * (2 if len(sizes) == 1 else 1)))

    return count


def _enhancement(scale_index: int, passes: int) -> Counter:
    def count(inputs: list[Any], outputs: list[Any]) -> int:
        images, channels, *_ = get_shape(inputs[0])
        groups = size_of(inputs[scale_index])
        of_groups = size_of(inputs[0]) * groups // channels
        normalizes = inputs[scale_index + 2].toIValue()
        of_gate = 7 * of_groups + 4 * images * groups if normalizes else 2 * of_groups
        return int(passes * size_of(inputs[0]) + of_gate)

    return count


def _gate_pool(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(inputs[0]) * (2 if get_shape(inputs[1]) is None else 3)


def _gate_scale(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(inputs[0]) * (1 if get_shape(inputs[3]) is None else 3)


def _excitement(passes: int) -> Counter:
    def count(inputs: list[Any], outputs: list[Any]) -> int:
        images, channels, *_ = get_shape(inputs[0])
        return int(passes * size_of(inputs[0]) + images * channels)

    return count


RULES = (
    Rule(("_convolution",), convolution, "one a weight and output position, and one an output for the bias"),
    Rule(("linear",), _linear, "inputs × outputs, and one an output for the bias"),
    Rule(("addmm",), _addmm, "as a linear layer with bias"),
    Rule(("matmul", "mm", "bmm"), _matmul, "one a product of two elements"),
    Rule(("batch_norm",), _batch_norm, "scale and shift: in inference the statistics are folded into two numbers"),
    Rule(
        ("layer_norm",),
        _norm(2),
        "mean, difference, square, its mean and quotient one an element each, and scale with shift once more",
    ),
    Rule(("group_norm", "instance_norm"), _norm(2), "as layer norm"),
    Rule(
        ("add", "add_", "sub", "rsub", "mul", "mul_", "div", "neg", "abs", "reciprocal", "lerp", "addcmul"),
        _outputs(1),
        "arithmetic: one an element of the result",
    ),
    Rule(
        ("square", "square_", "sqrt", "rsqrt", "pow", "exp", "log", "sigmoid", "sigmoid_", "tanh", "erf"),
        _outputs(1),
        "one an element",
    ),
    Rule(
        ("relu", "relu_", "relu6", "hardtanh", "hardtanh_", "clamp", "clamp_", "clamp_min", "clamp_max"),
        _outputs(1),
        "a comparison an element",
    ),
    Rule(("maximum", "minimum", "where", "eq", "ge", "gt", "le", "lt"), _outputs(1), "a comparison an element"),
    Rule(
        ("silu", "silu_", "hardsigmoid", "hardsigmoid_", "hardswish", "hardswish_", "gelu", "mish", "softplus"),
        _outputs(2),
        "a gate and a product, or a scale and a comparison: two an element",
    ),
    Rule(("softmax", "log_softmax"), _outputs(4), "maximum, exponential of the difference, sum and quotient"),
    Rule(("sum", "mean", "amax", "amin", "max", "argmax", "norm"), per_input(1), "a reduction: one an element read"),
    Rule(("var", "std"), per_input(3), "mean, difference, and sum of squares: three an element read"),
    Rule(
        ("adaptive_avg_pool2d", "adaptive_max_pool2d"), per_input(1), "one an element read, as the reduction that it is"
    ),
    Rule(("max_pool2d", "avg_pool2d"), _window(1), "one an element of each window"),
    Rule(("upsample_bilinear2d", "grid_sampler"), _outputs(4), "four weighted neighbours an element"),
    Rule(
        ("attnbench::sge",),
        _enhancement(1, passes=4),
        "as SGE by PyTorch's operators: four an element, and for the gate seven a position of a group and four a group",
    ),
    Rule(("attnbench::sge_add_relu",), _enhancement(2, passes=6), "the same, an addition and a comparison an element"),
    Rule(("attnbench::gate_pool",), _gate_pool, "mean and maximum: two an element, and one for a gate before it"),
    Rule(("attnbench::gate_scale",), _gate_scale, "the last gate: one an element, and two for a shortcut and ReLU"),
    Rule(("attnbench::gather_excite",), _excitement(2), "mean and product: two an element, and one a channel"),
    Rule(("attnbench::gather_excite_add_relu",), _excitement(4), "the same, an addition and a comparison an element"),
    Rule(("attnbench::add_gated",), _outputs(4), "logit, sigmoid, product and sum: four an element"),
)
"""Every rule of the convention `full`."""

MOVES = (
    "_reshape_alias", "alias", "arange", "cat", "channel_shuffle", "chunk", "clone",
    "constant_pad_nd", "contiguous", "detach", "dropout", "empty", "expand", "expand_as", "feature_dropout", "flatten",
    "flip", "full", "full_like", "gather", "index", "index_select", "movedim", "narrow", "native_channel_shuffle",
    "ones", "ones_like", "pad", "permute", "pixel_shuffle", "pixel_unshuffle", "reflection_pad2d", "repeat",
    "repeat_interleave", "reshape", "roll", "select", "size", "slice", "split", "split_with_sizes", "squeeze", "stack",
    "swapaxes", "t", "to", "transpose", "type_as", "unbind", "unflatten", "unsqueeze", "upsample_nearest2d", "view",
    "view_as", "zeros", "zeros_like",
)  # fmt: skip
"""Operators that compute nothing: they move, repeat, rename or make elements. They count 0."""


def full_rules() -> dict[str, Counter]:
    """A count for every operator that has a rule, those that count 0 among them."""
    counted = {name if "::" in name else f"aten::{name}": rule.count for rule in RULES for name in rule.operators}
    return {**{f"aten::{name}": _outputs(0) for name in MOVES}, **counted}
