"""What BAM makes of a map and its branches: in PyTorch, by the operator without kernels, and by interpreted kernels."""

import pytest
import torch

from attnbench.kernels import bam_triton, gates_triton
from attnbench.kernels.backend import Backend
from attnbench.kernels.gates import add_gated_map
from tests.kernels.gating import LAYOUTS, slope_like
from tests.kernels.kept import kept_bytes

each_layout = pytest.mark.parametrize("layout", LAYOUTS)
each_form = pytest.mark.parametrize("product", [True, False], ids=["product", "sum"])


@pytest.fixture(params=["eager", "operators", "kernels"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "kernels":
        request.getfixturevalue("interpreted")
    return "eager" if request.param == "eager" else "triton"


def tensors(*shape: int, layout: torch.memory_format = torch.contiguous_format) -> list[torch.Tensor]:
    """x, c and s."""
    images, channels, height, width = shape
    generator = torch.Generator().manual_seed(0)
    shapes = shape, (images, channels, 1, 1), (images, 1, height, width)
    x, *branches = (torch.randn(each, dtype=torch.float64, generator=generator) for each in shapes)
    return [x.contiguous(memory_format=layout), *branches]


def plain(x: torch.Tensor, channel: torch.Tensor, position: torch.Tensor, *, product: bool) -> torch.Tensor:
    return x + x * torch.sigmoid(channel * position if product else channel + position)


def hold_to_formula(given: list[torch.Tensor], *, product: bool, backend: Backend, rtol: float) -> None:
    """Hold values and gradients to those of the plain formula in float64; `rtol` is of the largest value."""
    leaves = [tensor.detach().requires_grad_() for tensor in given]
    y = add_gated_map(*leaves, product=product, backend=backend)
    slope = slope_like(y)
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    expected = plain(*exact, product=product)
    layout = torch.contiguous_format if given[0].is_contiguous() else torch.channels_last
    found = y, *torch.autograd.grad(y, leaves, slope)
    right = expected, *torch.autograd.grad(expected, exact, slope.double())
    assert y.is_contiguous(memory_format=layout)
    assert found[1].is_contiguous(memory_format=layout)
    for got, wanted, like in zip(found, right, (given[0], *given), strict=True):
        assert got.dtype == like.dtype
        torch.testing.assert_close(got.double(), wanted, rtol=0, atol=rtol * float(wanted.detach().abs().max()))


@each_layout
@each_form
@pytest.mark.parametrize("size", [(4, 5), (1, 1), (7, 1)])
def test_values_and_gradients_are_those_of_the_formula(
    size: tuple[int, int], product: bool, layout: torch.memory_format, backend: Backend, request: pytest.FixtureRequest
) -> None:
    exact = request.node.callspec.params["backend"] != "kernels"
    given = [tensor.to(torch.float64 if exact else torch.float32) for tensor in tensors(2, 6, *size, layout=layout)]
    hold_to_formula(given, product=product, backend=backend, rtol=1e-12 if exact else 1e-6)


@each_layout
@each_form
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once(
    dtype: torch.dtype,
    product: bool,
    layout: torch.memory_format,
    backend: Backend,
    request: pytest.FixtureRequest,
) -> None:
    given = [tensor.to(dtype) for tensor in tensors(2, 6, 4, 5, layout=layout)]
    # The interpreter cuts off what bfloat16 has no place for, where GPUs round.
    cuts = request.node.callspec.params["backend"] == "kernels" and dtype == torch.bfloat16
    hold_to_formula(given, product=product, backend=backend, rtol=(1.0 if cuts else 0.51) * torch.finfo(dtype).eps)


@each_layout
@each_form
@pytest.mark.usefixtures("interpreted")
def test_long_rows_are_added_up_in_parts(
    product: bool, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates_triton, "_TILE", 16)
    monkeypatch.setattr(gates_triton, "_RUN", 4)
    monkeypatch.setattr(bam_triton, "_TILES", 2)
    given = [tensor.float() for tensor in tensors(1, 11, 5, 3, layout=layout)]
    hold_to_formula(given, product=product, backend="triton", rtol=1e-6)


@each_form
@pytest.mark.parametrize("backend", ["eager", "triton"])
def test_keeps_the_map_alone(product: bool, backend: Backend) -> None:
    x, channel, position = (tensor.float().requires_grad_() for tensor in tensors(2, 64, 32, 32))
    kept = kept_bytes(lambda x: add_gated_map(x, channel, position, product=product, backend=backend), x)
    assert 1 <= kept < 1.02


@each_form
def test_a_slope_may_lie_otherwise_in_memory_than_the_map(product: bool, backend: Backend) -> None:
    given = [tensor.float().requires_grad_() for tensor in tensors(2, 6, 4, 5)]
    y = add_gated_map(*given, product=product, backend=backend)
    slope = slope_like(y)
    turned = slope.contiguous(memory_format=torch.channels_last)
    same = torch.autograd.grad(y, given, slope, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(y, given, turned), same, rtol=1e-6, atol=1e-6)


def test_takes_no_images(backend: Backend) -> None:
    given = [tensor.requires_grad_() for tensor in tensors(0, 6, 4, 5)]
    y = add_gated_map(*given, product=True, backend=backend)
    assert [slope.shape for slope in torch.autograd.grad(y.sum(), given)] == [tensor.shape for tensor in given]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_its_dtype_under_autocast(dtype: torch.dtype, backend: Backend) -> None:
    x, channel, position = tensors(2, 6, 4, 5)
    with torch.autocast("cpu", torch.bfloat16):
        y = add_gated_map(x.to(dtype), channel.bfloat16(), position.bfloat16(), product=True, backend=backend)
    assert y.dtype == dtype
    torch.testing.assert_close(y.double(), plain(x, channel, position, product=True), rtol=0.02, atol=0.02)
