"""The rule behind the GFLOPs that SGE's authors published.

Their counter (``flops_counter.py`` of https://github.com/implus/PytorchInsight) hooks
modules, so it sees what is written as one: convolutions with their bias additions,
linear layers without, 2-d batch norm at 2 and ReLU at 1 an element, pooling at 1 an
element read. It does not see functions, nor 1-d batch norm, sigmoid and softmax.

What the authors wrote as pooling modules is written as means and maxima here; those
are put down to the modules of `POOLED_MAPS`.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from attnbench.measure.flop_rules import convolution, per_input, size_of
from attnbench.measure.tracing import analysed, get_shape

_COUNTED = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool2d,
)  # fmt: skip

POOLED_MAPS = {"SpatialGroupEnhance": 1, "SqueezeExcitation": 1, "ChannelGate": 2, "SelectiveKernel": 2}
"""How many maps of its output's size each module pools by modules in the authors' code, by the class's name."""


def count_published(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Operations of one image by module, as the authors' counter counts them.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).
    """
    analysis = analysed(model, image_shape, _RULES)
    by_module = analysis.by_module()
    counted = {name: int(by_module[name]) for name, module in model.named_modules() if isinstance(module, _COUNTED)}
    return counted | {name: POOLED_MAPS[kind] * size for name, kind, size in _pooling_modules(model, image_shape)}


def _pooling_modules(model: nn.Module, image_shape: tuple[int, int, int]) -> Iterator[tuple[str, str, int]]:
    """Name, class and output elements of the modules that pool."""
    sizes: dict[str, int] = {}
    pooling = {name: module for name, module in model.named_modules() if type(module).__name__ in POOLED_MAPS}

    def remember(name: str) -> Any:
        return lambda module, inputs, output: sizes.__setitem__(name, output[0].numel())

    handles = [module.register_forward_hook(remember(name)) for name, module in pooling.items()]
    training = model.training
    example = next(model.parameters())
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *image_shape, device=example.device, dtype=example.dtype))
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    for name, module in pooling.items():
        yield name, type(module).__name__, sizes[name]


def _linear(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0]) * int(get_shape(inputs[1])[1])


_RULES = {
    "aten::_convolution": convolution,
    "aten::linear": _linear,
    "aten::batch_norm": per_input(2),
    **{
        f"aten::{name}": per_input(1)
        for name in (
            "relu", "relu_", "hardtanh", "hardtanh_", "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d",
            "adaptive_max_pool2d",
        )
    },
}  # fmt: skip
