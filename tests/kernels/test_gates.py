"""Maps re-weighted by gates: in PyTorch, by the operators without kernels, and by interpreted kernels."""

from typing import Any

import pytest
import torch

from attnbench.kernels import excite_triton, gates, gates_triton
from attnbench.kernels.backend import Backend
from tests.kernels.gating import GATINGS, LAYOUTS, Gating, channel_gate, position_gate, slope_like, tied_map
from tests.kernels.kept import kept_bytes

SIZES = [(4, 5), (1, 1), (7, 1)]
each_gating = pytest.mark.parametrize("gating", GATINGS, ids=lambda gating: gating.name)
each_layout = pytest.mark.parametrize("layout", LAYOUTS)
each_ending = pytest.mark.parametrize("ends_block", [False, True], ids=["alone", "with shortcut"])


@pytest.fixture(params=["eager", "operators", "kernels"])
def computed_by(request: pytest.FixtureRequest) -> str:
    if request.param == "kernels":
        request.getfixturevalue("interpreted")
    return str(request.param)


def backend_of(computed_by: str) -> Backend:
    return "eager" if computed_by == "eager" else "triton"


def tensors(size: tuple[int, int], ends_block: bool, layout: torch.memory_format) -> list[torch.Tensor]:
    """A map and, where a block ends, a shortcut."""
    return [tied_map(2, 6, *size, layout=layout, seed=seed) for seed in range(1 + ends_block)]


def differentiated(function: Any, given: list[torch.Tensor]) -> list[torch.Tensor]:
    """The output and the gradients of what is given."""
    given = [tensor.detach().requires_grad_() for tensor in given]
    y = function(*given, *[None] * (2 - len(given)))
    return [y.detach(), *torch.autograd.grad(y, given, slope_like(y))]


@each_layout
@each_ending
@each_gating
@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients_are_those_of_the_formula(
    size: tuple[int, int], gating: Gating, ends_block: bool, layout: torch.memory_format, computed_by: str
) -> None:
    dtype = torch.float32 if computed_by == "kernels" else torch.float64
    given = [tensor.to(dtype) for tensor in tensors(size, ends_block, layout)]

    def scaled(x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
        return gating.scaled(x, shortcut=shortcut, backend=backend_of(computed_by))

    expected = differentiated(gating.plainly, [tensor.double() for tensor in given])
    tolerance = 1e-5 if computed_by == "kernels" else 1e-12
    for got, right in zip(differentiated(scaled, given), expected, strict=True):
        torch.testing.assert_close(got.double(), right, rtol=tolerance, atol=tolerance)
        assert got.is_contiguous(memory_format=layout)


@each_layout
@each_gating
@pytest.mark.usefixtures("interpreted")
def test_long_rows_are_added_up_in_parts(
    gating: Gating, layout: torch.memory_format, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates_triton, "_TILE", 16)
    monkeypatch.setattr(gates_triton, "_RUN", 4)
    monkeypatch.setattr(gates_triton, "_TILES", 2)
    monkeypatch.setattr(excite_triton, "_HELD", 16)
    given = [tied_map(1, 11, 5, 3, layout=layout, seed=seed) for seed in range(2)]

    def scaled(x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        return gating.scaled(x, shortcut=shortcut, backend="triton")

    found = differentiated(scaled, [tensor.float() for tensor in given])
    for got, right in zip(found, differentiated(gating.plainly, given), strict=True):
        torch.testing.assert_close(got.double(), right, rtol=1e-5, atol=1e-5)


@each_layout
@each_gating
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near(
    dtype: torch.dtype, gating: Gating, layout: torch.memory_format, computed_by: str
) -> None:
    x = tied_map(2, 6, 4, 5, layout=layout).to(dtype)
    found = differentiated(lambda x, _: gating.scaled(x, backend=backend_of(computed_by)), [x])
    for got, right in zip(found, differentiated(gating.plainly, [x.double()]), strict=True):
        assert got.dtype == dtype
        atol = 4 * torch.finfo(dtype).eps * float(right.abs().max())
        torch.testing.assert_close(got.double(), right, rtol=0, atol=atol)


@pytest.mark.parametrize("computed_by", ["operators", "kernels"], indirect=True)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_operators_round_once(dtype: torch.dtype, computed_by: str) -> None:
    x, shortcut = (tied_map(2, 6, 4, 5, layout=torch.contiguous_format, seed=seed).to(dtype) for seed in range(2))
    gate = torch.rand(2, 6, generator=torch.Generator().manual_seed(0))
    y = gates.scale_channels(x, lambda mean: gate, shortcut=shortcut, backend="triton")
    exact = torch.relu(x.double() * gate.double()[:, :, None, None] + shortcut.double())
    # The interpreter cuts off what bfloat16 has no place for, where GPUs round.
    share = 1.0 if computed_by == "kernels" and dtype == torch.bfloat16 else 0.501
    assert ((y.double() - exact).abs() <= share * torch.finfo(dtype).eps * exact).all()


@each_gating
def test_maps_and_slopes_may_lie_in_any_order(gating: Gating, computed_by: str) -> None:
    x = tied_map(2, 6, 5, 4, layout=torch.contiguous_format).float().transpose(2, 3).requires_grad_()
    y = gating.scaled(x, backend=backend_of(computed_by))
    slope = slope_like(y).contiguous(memory_format=torch.channels_last)
    (got,) = torch.autograd.grad(y, x, slope)
    expected = gating.plain(x)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(got, torch.autograd.grad(expected, x, slope)[0], rtol=1e-5, atol=1e-5)


@each_gating
def test_a_single_number_may_be_the_slope_of_all(gating: Gating, computed_by: str) -> None:
    x = tied_map(2, 6, 4, 5, layout=torch.channels_last).float().requires_grad_()
    (got,) = torch.autograd.grad(gating.scaled(x, backend=backend_of(computed_by)).sum(), x)
    torch.testing.assert_close(got, torch.autograd.grad(gating.plain(x).sum(), x)[0], rtol=1e-5, atol=1e-5)


@each_gating
def test_takes_no_images(gating: Gating, computed_by: str) -> None:
    x = torch.empty(0, 6, 4, 5, requires_grad=True)
    y = gating.scaled(x, backend=backend_of(computed_by))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert y.shape == slope.shape == x.shape


@each_gating
def test_the_output_may_be_changed_in_place(gating: Gating, computed_by: str) -> None:
    x = tied_map(2, 6, 4, 5, layout=torch.contiguous_format).float()
    gradients = []
    for add in (torch.Tensor.add_, torch.Tensor.add):
        given = x.clone().requires_grad_()
        y = torch.relu_(add(gating.scaled(given, backend=backend_of(computed_by)), x))
        gradients.append(torch.autograd.grad(y.square().sum(), given)[0])
    torch.testing.assert_close(*gradients, rtol=0, atol=0)


@each_gating
def test_a_map_without_gradient_hands_one_to_the_gate(gating: Gating, computed_by: str) -> None:
    if gating.name == "means":
        pytest.skip("its gate has no parameters")
    x, weight = tied_map(2, 6, 4, 5, layout=torch.contiguous_format).float(), torch.ones((), requires_grad=True)
    backend = backend_of(computed_by)

    def weighted(gate_of: Any) -> Any:
        return lambda *pooled: gate_of(*pooled) * weight

    ways: dict[str, Any] = {
        "channels": lambda: gates.scale_channels(x, weighted(channel_gate), backend=backend),
        "maxima": lambda: gates.scale_channels(x, weighted(channel_gate), with_maximum=True, backend=backend),
        "positions": lambda: gates.scale_positions(x, weighted(position_gate), backend=backend),
        "twice": lambda: gates.scale_twice(x, channel_gate, weighted(position_gate), backend=backend),
    }
    y = ways[gating.name]()
    slope = slope_like(y)
    (got,) = torch.autograd.grad(y, weight, slope)
    torch.testing.assert_close(got, (slope * gating.plain(x)).sum(), rtol=1e-5, atol=1e-5)


@each_gating
def test_differentiates_once(gating: Gating, computed_by: str) -> None:
    x = tied_map(2, 6, 4, 5, layout=torch.contiguous_format).float().requires_grad_()
    y = gating.scaled(x, backend=backend_of(computed_by))
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"once_differentiable|gather_excite_backward"):
        slope.sum().backward()


@each_gating
def test_another_dtype_of_the_shortcut_is_added_by_pytorch(gating: Gating) -> None:
    x = tied_map(2, 6, 4, 5, layout=torch.contiguous_format)
    found = [gating.scaled(x.half(), shortcut=x.float(), backend=backend) for backend in ("triton", "eager")]
    torch.testing.assert_close(*found, rtol=0, atol=0)


@each_gating
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_the_map_and_what_is_of_channels_or_positions(gating: Gating, dtype: torch.dtype) -> None:
    x = torch.randn(2, 64, 32, 32).to(dtype).requires_grad_()
    # Both gates take one to another in PyTorch; the operators compute what is between anew.
    for backend, maps in (("eager", 2 if gating.name == "twice" else 1), ("triton", 1)):
        kept = kept_bytes(lambda x: gating.scaled(x, backend=backend), x)  # noqa: B023
        assert maps <= kept < maps + 0.2, backend


@each_gating
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_its_dtype_under_autocast(gating: Gating, dtype: torch.dtype, computed_by: str) -> None:
    x = tied_map(2, 6, 4, 5, layout=torch.contiguous_format).to(dtype).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = gating.scaled(x, backend=backend_of(computed_by))
    assert y.dtype == dtype
    torch.testing.assert_close(y.float(), gating.plain(x.float()), rtol=0.02, atol=0.02)
    assert torch.autograd.grad(y.sum(), x)[0].dtype == dtype
