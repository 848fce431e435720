"""The rule behind the GFLOPs that SGE's authors published.

Their counter (``flops_counter.py`` of https://github.com/implus/PytorchInsight) hooks
modules, so it sees what is written as one: convolutions with their bias additions,
linear layers without, 2-d batch norm at 2 an element (1 without scale and shift), ReLU
and its kin at 1, pooling at 1 an element read, upsampling at 1 an element made. It does
not see functions, nor 1-d batch norm, sigmoid and softmax.

What the authors wrote as pooling modules is written as means and maxima here; those
are put down to the modules of `POOLED_MAPS`.
"""

import copy
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from attnbench.attention.cbam import ChannelGate
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.se import SqueezeExcitation
from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.attention.sk import SelectiveKernel
from attnbench.measure.flop_rules import full_rules, per_input, size_of
from attnbench.measure.tracing import analysed, get_shape

_COUNTED = (
    nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.ReLU, nn.ReLU6, nn.PReLU, nn.ELU, nn.LeakyReLU, nn.MaxPool2d,
    nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d, nn.Upsample,
)  # fmt: skip

POOLED_MAPS: Mapping[type[nn.Module], int] = {
    SpatialGroupEnhance: 1,
    SqueezeExcitation: 1,
    ChannelGate: 2,
    SelectiveKernel: 2,
}
"""How many maps of its output's size each class, and any derived from it, pools by modules in the authors' code."""


def count_published(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Operations of one image by module, as the authors' counter counts them.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).

    Returns:
        The operations of each module that is counted, without those of the modules within it.
    """
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, Kernelled):
            # The authors' counter hooks modules, which a kernel passes over.
            module.backend = "eager"
    by_module = analysed(model, image_shape, _RULES).by_module()
    counted = Counter(_pooled_elements(model, image_shape))
    for name, module in model.named_modules():
        if isinstance(module, _COUNTED):
            # timm's norms have their activation within, which is counted by itself.
            within = sum(by_module[f"{name}.{child}"] for child, _ in module.named_children())
            counted[name] += int(by_module[name] - within)
    return dict(counted)


def _pooled_elements(model: nn.Module, image_shape: tuple[int, int, int]) -> dict[str, int]:
    """Elements that the modules of `POOLED_MAPS` pool, by module."""
    elements: Counter[str] = Counter()
    copied = copy.deepcopy(model).to("cpu").eval()

    def count_as(name: str, maps: int) -> Any:
        return lambda module, inputs, output: elements.update({name: maps * output.numel()})

    for name, module in copied.named_modules():
        for kind, maps in POOLED_MAPS.items():
            if isinstance(module, kind):
                module.register_forward_hook(count_as(name, maps))
    with torch.no_grad():
        copied(torch.zeros(1, *image_shape))
    return elements


def _linear(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0]) * int(get_shape(inputs[1])[1])


def _per_output(inputs: list[Any], outputs: list[Any]) -> int:
    return size_of(outputs[0])


_AS_IN_FULL = ("_convolution", "batch_norm", "relu", "relu_", "hardtanh", "hardtanh_", "adaptive_avg_pool2d",
               "adaptive_max_pool2d")  # fmt: skip
_RULES = {
    **{f"aten::{name}": full_rules()[f"aten::{name}"] for name in _AS_IN_FULL},
    "aten::linear": _linear,
    **{
        f"aten::{name}": per_input(1)
        for name in ("prelu", "elu", "elu_", "leaky_relu", "leaky_relu_", "max_pool2d", "avg_pool2d")
    },
    **{f"aten::upsample_{mode}2d": _per_output for mode in ("nearest", "bilinear", "bicubic")},
}
