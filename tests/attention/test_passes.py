"""Every module computes in the layout and dtype of its map: no copies for the layout, and little kept for backward."""

import copy
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from attnbench.attention import ATTENTION
from attnbench.attention.contract import make, subject_of
from attnbench.attention.contract.subject import stirred
from tests.kernels.kept import kept_bytes

NAMES = ATTENTION.names()
NCHW, NHWC = torch.contiguous_format, torch.channels_last
LAYOUTS = pytest.mark.parametrize("layout", [NCHW, NHWC], ids=["NCHW", "NHWC"])
SIZE = (28, 28)

COPIES: Mapping[str, tuple[int, str]] = {
    "ema": (7, "convolutions share their weights among groups, which the batch takes up; channels last it cannot"),
    "sa": (5, "the shuffle moves every channel, and the group norm takes half of them by themselves"),
}
"""How many copies of half the map or more a forward and backward pass may make, and why; elsewhere none."""

ROOM = 0.1
"""For what is kept of one value a channel, row or column."""
KEPT: Mapping[str, float] = {
    "bam": 1.4,  # the branch over positions
    "cbam": 2.1,
    "coordatt": 1.2,  # strips and their gates: 4 values of 28
    "ema": 4.7,  # the map, gated and normalised, and convolved
    "lka": 4.0,  # what each of three convolutions gives
    "lsk": 5.6,  # what four convolutions give, mixed, and the gate
    "sa": 1.5,  # the gates of half the channels
    "sge": 2.0,  # a value a position of each group, here of one channel
    "sk": 5.0,  # of each branch what its norm and what its activation read
    "triplet": 1.5,  # maxima, means and gates: 3 planes of 28
}
"""Bytes kept for backward over those of the map, in float32; what is not named keeps the map alone."""
KEPT_BY_LAYOUT = {("ema", NHWC): 1.0, ("sa", NHWC): 0.5}
"""Beside that, of the copies above."""
if torch.__version__ < (2, 14):
    KEPT_BY_LAYOUT["sa", NCHW] = 0.5  # its group norm copies the half that it is given

COMPUTED_IN_HALF: Mapping[str, float] = {
    "bam": 2.5,
    "cbam": 1.2,
    "coordatt": 2.8,
    "eca": 1.2,
    "ema": 2.4,
    "fca": 1.0,
    "gc": 0.7,
    "lka": 1.5,
    "lsk": 2.0,
    "sk": 15.0,
    "triplet": 1.2,
}
"""Modules with layers on which autocast lowers the precision, and roundings in the root mean square that explains."""
ROUNDING = torch.finfo(torch.bfloat16).eps / 2


class LayoutCopies(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Copies of at least half a map that neither change its dtype nor fill it with fewer values."""

    def __init__(self, x: torch.Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.least = x.numel() / 2
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func._schema.name in ("aten::clone", "aten::_to_copy", "aten::copy_"):
            source = args[1] if func._schema.name == "aten::copy_" else args[0]
            values = source.untyped_storage().nbytes() // source.element_size()
            if source.dtype == result.dtype and min(source.numel(), values) >= self.least:
                self.found.append(f"{func} of {tuple(source.shape)}, strides {source.stride()}")
        return result


def made(name: str, layout: torch.memory_format) -> nn.Module:
    return stirred(make(subject_of(name), SIZE)).train().to(memory_format=layout)


def random_map(name: str, layout: torch.memory_format, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """A map whose mean is far from 0, where statistics in half precision would be far off."""
    values = torch.randn(2, subject_of(name).channels, *SIZE, generator=torch.Generator().manual_seed(0)) + 3
    return values.to(dtype).contiguous(memory_format=layout)


@LAYOUTS
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_copied_for_the_layout(name: str, layout: torch.memory_format) -> None:
    module, x = made(name, layout), random_map(name, layout).requires_grad_()
    with LayoutCopies(x) as copies:
        y = module(x)
        torch.autograd.grad(y, x, torch.ones_like(y))
    allowed, _ = COPIES.get(name, (0, ""))
    assert len(copies.found) <= allowed, copies.found


@LAYOUTS
@pytest.mark.parametrize("name", NAMES)
def test_keeps_little_for_backward(name: str, layout: torch.memory_format) -> None:
    bound = KEPT.get(name, 1.0) + KEPT_BY_LAYOUT.get((name, layout), 0)
    kept = kept_bytes(made(name, layout), random_map(name, layout).requires_grad_())
    assert 0 < kept <= bound + ROOM


@LAYOUTS
@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_lies_in_memory_as_the_map(name: str, layout: torch.memory_format) -> None:
    x = random_map(name, layout).requires_grad_()
    y = made(name, layout)(x)
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    for tensor in (y, gradient):
        assert tensor.is_contiguous(memory_format=layout)


@LAYOUTS
@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_in_float32_under_autocast(name: str, layout: torch.memory_format) -> None:
    module, x = made(name, layout), random_map(name, layout, torch.bfloat16)
    error, expected = error_under_autocast(module, x)
    if name in COMPUTED_IN_HALF:
        error, expected = error.square().mean().sqrt(), expected.square().mean().sqrt()
    assert (error <= COMPUTED_IN_HALF.get(name, 2) * ROUNDING * expected.abs()).all()


def test_statistics_in_half_precision_would_be_seen() -> None:
    class HalfContext(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            context = x.mean((2, 3), keepdim=True)
            return x * torch.sigmoid((context - context.mean(1, keepdim=True)) / context.std(1, keepdim=True))

    error, expected = error_under_autocast(HalfContext(), random_map("lct", NCHW, torch.bfloat16))
    assert (error > 2 * ROUNDING * expected.abs()).any()


def error_under_autocast(module: nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """How far the output is from that of float64 of the same map, and that output."""
    expected = copy.deepcopy(module).double()(x.double()).detach()
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x).detach()
    assert y.dtype == torch.bfloat16
    return (y.double() - expected).abs(), expected
