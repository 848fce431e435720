"""Convolutions and matrix products beside torch's own counter, which follows the dispatcher and not a trace.

It counts two for a multiply-accumulate, and nothing for a bias and for any other operator.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import attnbench
from attnbench.attention import ATTENTION
from attnbench.measure.flop_rules import full_rules
from attnbench.measure.tracing import analysed

Shape = tuple[int, int, int]

KINDS = {
    **dict.fromkeys(("convolution", "_convolution", "conv"), "convolution"),
    **dict.fromkeys(("linear", "addmm", "mm", "bmm", "matmul", "einsum"), "product"),
}
"""The operators that both count, by the names that torch, `full` and fvcore give them."""


def by_kind(counts: Mapping[str, float]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for operator, count in counts.items():
        summed[KINDS[operator]] += int(count)
    return summed


def ours(model: nn.Module, shape: Shape, *, full: bool) -> dict[str, float]:
    """By operator, of those that torch counts too."""
    counted = analysed(model, shape, full_rules() if full else None).by_operator()
    return {operator: count for operator, count in counted.items() if operator in KINDS}


def torchs(model: nn.Module, shape: Shape, rules: dict[Any, Callable[..., int]] | None = None) -> dict[str, int]:
    """By operator; all that torch counts."""
    with FlopCounterMode(display=False, custom_mapping=rules) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    return {str(operator).removeprefix("aten."): n for operator, n in counter.get_flop_counts()["Global"].items()}


def multiply_accumulates(model: nn.Module, shape: Shape) -> Counter[str]:
    return by_kind({operator: flops / 2 for operator, flops in torchs(model, shape).items()})


def biases(model: nn.Module, shape: Shape) -> Counter[str]:
    """Additions of a bias, found by torch's counter too: its rule for each operator is replaced by one of its bias."""

    def of_convolution(x: Any, weight: Any, bias: Any, *args: Any, out_shape: Any, **kwargs: Any) -> int:
        return 0 if bias is None else prod(out_shape)

    aten = torch.ops.aten
    none = dict.fromkeys((aten.mm, aten.bmm), lambda *args, **kwargs: 0)
    rules = {aten.convolution: of_convolution, aten.addmm: lambda *args, out_shape, **kwargs: prod(out_shape), **none}
    return by_kind(torchs(model, shape, rules))


class Calling(nn.Module):
    """A model of one function of one image, x of C×H×W."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x[0])


CONVOLUTIONS = {
    "pointwise": lambda bias: nn.Conv2d(6, 8, 1, bias=bias),
    "strided": lambda bias: nn.Conv2d(6, 8, 5, stride=(2, 3), padding=2, bias=bias),
    "dilated": lambda bias: nn.Conv2d(6, 8, 3, dilation=2, bias=bias),
    "grouped": lambda bias: nn.Conv2d(6, 9, (1, 7), groups=3, bias=bias),
    "depthwise": lambda bias: nn.Conv2d(6, 12, 3, padding=1, groups=6, bias=bias),
    "depthwise, strided and dilated": lambda bias: nn.Conv2d(6, 6, 3, 2, 2, dilation=2, groups=6, bias=bias),
    "transposed": lambda bias: nn.ConvTranspose2d(6, 4, 3, stride=2, bias=bias),
    "transposed and grouped": lambda bias: nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2, bias=bias),
    "1-d": lambda bias: nn.Sequential(nn.Flatten(2), nn.Conv1d(6, 4, 3, stride=2, bias=bias)),
    "3-d": lambda bias: nn.Sequential(nn.Unflatten(1, (2, 3)), nn.Conv3d(2, 4, 3, padding=1, bias=bias)),
}
LINEAR = {
    "of a vector": lambda bias: nn.Sequential(nn.Flatten(), nn.Linear(6 * 9 * 11, 5, bias=bias)),
    "of each position": lambda bias: nn.Sequential(nn.Flatten(2), nn.Linear(9 * 11, 5, bias=bias)),
}
PRODUCTS: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "mm": ("mm", lambda x: torch.mm(x[0], x[1].t())),
    "bmm": ("bmm", lambda x: torch.bmm(x, x[:, :7].transpose(1, 2))),
    "addmm": ("addmm", lambda x: torch.addmm(x[0, 0, :4], x[0], x[1, :4].t())),
    "matmul of matrices": ("matmul", lambda x: x[0] @ x[1, :4].t()),
    "matmul of batches": ("matmul", lambda x: x @ x[:, :4].transpose(1, 2)),
    "matmul with one matrix": ("matmul", lambda x: x @ x[0, :4].t()),
}


@pytest.mark.parametrize("bias", [False, True], ids=["without bias", "with bias"])
@pytest.mark.parametrize("name", [*CONVOLUTIONS, *LINEAR])
def test_a_layer_costs_what_torch_says_and_its_bias(name: str, bias: bool) -> None:
    layer, shape = {**CONVOLUTIONS, **LINEAR}[name](bias), (6, 9, 11)
    macs = multiply_accumulates(layer, shape)
    kind, operator = ("convolution", "_convolution") if name in CONVOLUTIONS else ("product", "linear")
    assert macs.keys() == {kind}
    (of_fvcore,), of_full = ours(layer, shape, full=False).values(), ours(layer, shape, full=True)
    outputs = layer(torch.zeros(1, *shape)).numel() if bias else 0
    assert (of_fvcore, of_full) == (macs[kind], {operator: macs[kind] + outputs})
    assert macs[kind] > outputs


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_matrix_product_costs_what_torch_says(name: str) -> None:
    operator, function = PRODUCTS[name]
    model, shape = Calling(function), (6, 9, 11)
    macs = multiply_accumulates(model, shape)["product"]
    additions = biases(model, shape)["product"]
    assert ours(model, shape, full=False) == {operator: macs}
    assert ours(model, shape, full=True) == {operator: macs + additions}
    assert (additions > 0) == (operator == "addmm")


def test_full_counts_a_product_that_repeats_its_first_factor_and_fvcore_does_not() -> None:
    model, shape = Calling(lambda x: x[:2, None] @ x[None, :, :4].transpose(2, 3)), (6, 9, 11)
    macs = multiply_accumulates(model, shape)["product"]
    assert macs == 2 * 6 * 9 * 11 * 4
    assert ours(model, shape, full=True) == {"matmul": macs}
    assert ours(model, shape, full=False) == {"matmul": macs / 6}


@pytest.mark.parametrize("name", ["none", *ATTENTION.names()])
def test_a_network_costs_what_torch_says_for_what_torch_counts(name: str) -> None:
    settings = ":groups=8" if name == "sa" else ""
    backbone, shape = "cifar-resnet:bottleneck=true,depth=11,width=16", (3, 16, 16)
    model = attnbench.create_model(backbone, name + settings, image_size=shape[1:])
    macs = multiply_accumulates(model, shape)
    assert by_kind(ours(model, shape, full=False)) == macs
    assert by_kind(ours(model, shape, full=True)) == macs + biases(model, shape)
    assert macs.keys() == {"convolution", "product"}


@pytest.mark.parametrize("backbone", ["resnet18", "regnety_002", "convnext_atto", "shufflenet_v2_x0_5"])
def test_a_backbone_costs_what_torch_says_for_what_torch_counts(backbone: str) -> None:
    shape = (3, 64, 64)
    model = attnbench.create_model(backbone, image_size=shape[1:])
    macs = multiply_accumulates(model, shape)
    assert by_kind(ours(model, shape, full=False)) == macs
    assert by_kind(ours(model, shape, full=True)) == macs + biases(model, shape)
