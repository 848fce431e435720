"""The gradient that is written out, held to autograd's of the plain equations."""

import pytest
import torch

from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.kernels.sge_eager import Enhance, compute_gate, split
from tests.kernels.kept import kept_bytes

LAYOUTS = [torch.contiguous_format, torch.channels_last]
SETTINGS = [(True, True), (True, False), (False, True)]


def plain(
    x: torch.Tensor, gate_scale: torch.Tensor, gate_shift: torch.Tensor, *, normalize: bool, official: bool
) -> torch.Tensor:
    """SGE as autograd differentiates it, without a damped gradient."""
    groups = x.unflatten(1, (len(gate_scale), -1)).flatten(3)
    coefficient = (groups * groups.mean(3, keepdim=True)).sum(2, keepdim=True)
    if normalize:
        deviation = coefficient.std(3, correction=int(official), keepdim=True)
        coefficient = (coefficient - coefficient.mean(3, keepdim=True)) / (deviation + 1e-5)
    gate = torch.sigmoid(coefficient * gate_scale[:, None, None] + gate_shift[:, None, None])
    return (groups * gate).reshape(x.shape)


def inputs(*shape: int, groups: int, layout: torch.memory_format) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    x, scale, shift = (
        torch.randn(size, dtype=torch.float64, generator=generator) for size in (shape, (groups,), (groups,))
    )
    return tuple(tensor.requires_grad_() for tensor in (x.contiguous(memory_format=layout), scale, shift))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("normalize", "official"), SETTINGS)
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 2)])
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_gradients_are_those_of_the_equations(
    groups: int, size: tuple[int, int], normalize: bool, official: bool, layout: torch.memory_format
) -> None:
    given = inputs(2, 6, *size, groups=groups, layout=layout)
    y = Enhance.apply(*given, normalize, official)
    expected = plain(*given, normalize=normalize, official=official)
    torch.testing.assert_close(y, expected, rtol=1e-10, atol=1e-12)
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    got = torch.autograd.grad(y, given, slope)
    for gradient, tensor, right in zip(got, given, torch.autograd.grad(expected, given, slope), strict=True):
        torch.testing.assert_close(gradient, right, rtol=1e-8, atol=1e-10)
        assert gradient.is_contiguous(memory_format=layout if tensor.ndim == 4 else torch.contiguous_format)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_slope_may_lie_otherwise_in_memory_than_the_map(layout: torch.memory_format) -> None:
    given = inputs(2, 6, 4, 5, groups=3, layout=layout)
    (other,) = (each for each in LAYOUTS if each != layout)
    slope = torch.randn(2, 6, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    y = Enhance.apply(*given, True, True)
    for same, turned in zip(
        torch.autograd.grad(y, given, slope.contiguous(memory_format=layout), retain_graph=True),
        torch.autograd.grad(y, given, slope.contiguous(memory_format=other)),
        strict=True,
    ):
        torch.testing.assert_close(same, turned, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_half_precision_only_the_ends_are_rounded(dtype: torch.dtype, layout: torch.memory_format) -> None:
    x, scale, shift = inputs(2, 32, 8, 8, groups=4, layout=layout)
    half = x.detach().to(dtype).requires_grad_()
    given = half, scale.detach().float().requires_grad_(), shift.detach().float().requires_grad_()
    y = Enhance.apply(*given, True, True)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    got = torch.autograd.grad(y, given, slope)
    exact = tuple(tensor.detach().double().requires_grad_() for tensor in given)
    expected = Enhance.apply(*exact, True, True)
    right = torch.autograd.grad(expected, exact, slope.double())
    one_rounding = torch.finfo(dtype).eps
    torch.testing.assert_close(y.double(), expected, rtol=one_rounding, atol=1e-6)
    torch.testing.assert_close(got[0].double(), right[0], rtol=one_rounding, atol=1e-5)
    for gradient, exactly in zip(got[1:], right[1:], strict=True):
        torch.testing.assert_close(gradient.double(), exactly, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 1.26), (torch.bfloat16, 1.52)])
@pytest.mark.parametrize(("channels", "authors"), [(256, 1.75), (512, 1.375), (1024, 1.19), (2048, 1.12)])
def test_keeps_less_than_the_authors_code(
    channels: int, authors: float, dtype: torch.dtype, bound: float, layout: torch.memory_format
) -> None:
    module = SpatialGroupEnhance(channels)
    x = torch.randn(1, channels, 16, 16).to(dtype).contiguous(memory_format=layout).requires_grad_()
    kept = kept_bytes(module, x)
    # Of the size of the map one tensor, of a group's positions one in float32.
    assert 1 < kept <= bound
    assert dtype != torch.float32 or kept < authors


def test_what_is_computed_on_the_way_is_shown_by_group() -> None:
    x, scale, shift = (tensor.detach() for tensor in inputs(2, 6, 3, 4, groups=2, layout=torch.contiguous_format))
    shown = []
    for layout in LAYOUTS:
        parts = split(x.contiguous(memory_format=layout), 2)
        gate = compute_gate(parts, scale, shift, normalize=True, official=True).gate
        shown.append(parts.by_group(gate, 3, 4))
    expected = plain(x, scale, shift, normalize=True, official=True) / x
    for gate in shown:
        assert gate.shape == (2, 2, 3, 4)
        torch.testing.assert_close(gate.repeat_interleave(3, 1), expected)


def test_cannot_be_differentiated_twice() -> None:
    x, scale, shift = inputs(1, 4, 3, 3, groups=2, layout=torch.contiguous_format)
    y = Enhance.apply(x, scale, shift, True, True)
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_output_may_be_changed_in_place(layout: torch.memory_format) -> None:
    given = inputs(2, 6, 4, 5, groups=3, layout=layout)
    shortcut = torch.ones(2, 6, 4, 5, dtype=torch.float64)
    slopes = []
    for add in (torch.Tensor.add_, torch.Tensor.add):  # as a residual block does, and not
        y = torch.relu(add(Enhance.apply(*given, True, True), shortcut))
        slopes.append(torch.autograd.grad(y.square().sum(), given))
    torch.testing.assert_close(*slopes, rtol=0, atol=0)
