"""The kernels, in Triton's interpreter, held to the paper and to the gradient in float64."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from attnbench.kernels import sge_plan, sge_triton
from attnbench.kernels.sge import enhance, enhance_add_relu
from tests.references.sge import sge as reference

LAYOUTS = [torch.contiguous_format, torch.channels_last]
SHAPES = [(6, 3, 4, 5), (24, 4, 3, 7), (8, 8, 2, 3), (8, 2, 1, 1), (6, 1, 7, 3)]

pytestmark = pytest.mark.usefixtures("interpreted")


@pytest.fixture(params=["held", "passes"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether a tile is held, as small ones are, or gone over in blocks, as large ones."""
    if request.param == "passes":
        monkeypatch.setattr(sge_plan, "_HELD_ELEMENTS", 0)
        monkeypatch.setattr(sge_plan, "_PASS_ELEMENTS", 64)
        monkeypatch.setattr(sge_triton, "plan_kernel", sge_plan.plan_kernel.__wrapped__)
    return str(request.param)


def make(channels: int, groups: int, height: int, width: int, *, images: int = 2) -> list[torch.Tensor]:
    """A map, a shortcut, γ, β and a gradient of the output, in float32."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(images, channels, height, width)] * 2 + [(groups,)] * 2 + [(images, channels, height, width)]
    x, *others = (torch.randn(shape, generator=generator) for shape in shapes)
    # Not around 0: similarities to a mean near 0 are rounding.
    return [x + 0.5, *others]


def differentiate(
    forward: Callable[..., torch.Tensor], tensors: list[torch.Tensor], slope: torch.Tensor
) -> list[torch.Tensor]:
    """The output, and the gradients of what it is of."""
    given = [tensor.detach().requires_grad_() for tensor in tensors]
    y = forward(*given)
    return [y.detach(), *torch.autograd.grad(y, given, slope.to(y.dtype))]


def exactly(
    forward: Callable[..., torch.Tensor], tensors: list[torch.Tensor], slope: torch.Tensor
) -> list[torch.Tensor]:
    return differentiate(forward, [tensor.double() for tensor in tensors], slope)


def forwards(normalize: bool = True, official: bool = True) -> tuple[Callable[..., torch.Tensor], ...]:
    """SGE of x, γ, β, and the end of a block of x, the shortcut, γ, β; float64 is not for the kernels."""

    def alone(*tensors: torch.Tensor) -> torch.Tensor:
        return enhance(*tensors, normalize=normalize, official=official, backend="auto")

    def ending(*tensors: torch.Tensor) -> torch.Tensor:
        return enhance_add_relu(*tensors, normalize=normalize, official=official, backend="auto")

    return alone, ending


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_paper(shape: tuple[int, ...], layout: torch.memory_format, way: str) -> None:
    x, shortcut, scale, shift, _ = make(*shape)
    x = x.contiguous(memory_format=layout)
    alone, ending = forwards()
    expected = reference(x.double().numpy(), scale.double().numpy(), shift.double().numpy(), groups=shape[1])
    np.testing.assert_allclose(alone(x, scale, shift).numpy(), expected, rtol=1e-5, atol=1e-6)
    ended = ending(x, shortcut, scale, shift).numpy()
    np.testing.assert_allclose(ended, np.maximum(expected + shortcut.numpy(), 0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_float64(shape: tuple[int, ...], layout: torch.memory_format, way: str) -> None:
    x, shortcut, scale, shift, slope = make(*shape)
    given = [*(tensor.contiguous(memory_format=layout) for tensor in (x, shortcut)), scale, shift]
    _, ending = forwards()
    for got, expected in zip(differentiate(ending, given, slope), exactly(ending, given, slope), strict=True):
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-5)
        assert got.ndim == 1 or got.is_contiguous(memory_format=layout)


@pytest.mark.parametrize(("normalize", "official"), [(True, True), (True, False), (False, True)])
def test_gradients_in_each_setting(normalize: bool, official: bool, way: str) -> None:
    x, _, scale, shift, slope = make(*SHAPES[0])
    alone, _ = forwards(normalize, official)
    given = [x, scale, shift]
    for got, expected in zip(differentiate(alone, given, slope), exactly(alone, given, slope), strict=True):
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "gate_dtype"),
    [(torch.bfloat16, torch.float32), (torch.bfloat16, torch.bfloat16), (torch.float16, torch.float32)],
)
def test_in_half_precision_only_the_ends_are_rounded(dtype: torch.dtype, gate_dtype: torch.dtype, way: str) -> None:
    x, shortcut, scale, shift, slope = make(12, 2, 4, 4, images=1)
    given = [x.to(dtype), shortcut.to(dtype), scale.to(gate_dtype), shift.to(gate_dtype)]
    _, ending = forwards()
    rounding = torch.finfo(dtype).eps
    for got, expected in zip(differentiate(ending, given, slope), exactly(ending, given, slope.to(dtype)), strict=True):
        torch.testing.assert_close(got.double(), expected, rtol=rounding, atol=1e-4)
    assert got.dtype == gate_dtype


@pytest.mark.parametrize("spread", [1e-4, 0.0])
def test_near_a_constant_map_the_gradient_is_damped(spread: float, way: str) -> None:
    noise, _, scale, shift, slope = make(8, 2, 4, 4, images=1)
    given = [1 + spread * noise, scale, shift]
    alone, _ = forwards()
    for got, expected in zip(differentiate(alone, given, slope), exactly(alone, given, slope), strict=True):
        # Differences of c are few units in the last place of a float32.
        torch.testing.assert_close(got.double(), expected, rtol=2e-2, atol=2e-2 if spread else 1e-6)


def test_does_not_overflow_in_half_precision(way: str) -> None:
    noise, _, scale, shift, _ = make(64, 1, 3, 3, images=1)
    x = (60 + noise).half()
    alone, _ = forwards()
    torch.testing.assert_close(alone(x, scale, shift).double(), alone(x.double(), scale, shift), rtol=1e-3, atol=1e-3)


def test_what_is_not_a_number_stays_so_in_its_group_and_image(way: str) -> None:
    x, shortcut, scale, shift, slope = make(6, 3, 2, 2)
    x[1, 3, 0, 1] = torch.nan
    _, ending = forwards()
    y, grad_x, *_ = differentiate(ending, [x, shortcut, scale, shift], slope)
    missing = torch.zeros_like(y, dtype=torch.bool)
    missing[1, 2:4] = True
    assert torch.equal(y.isnan(), missing)
    assert torch.equal(grad_x.isnan(), missing)


def test_takes_maps_and_gradients_in_any_layout() -> None:
    x, _, scale, shift, slope = make(6, 3, 4, 5)
    alone, _ = forwards()
    expected = differentiate(alone, [x, scale, shift], slope)
    wide = torch.zeros(2, 6, 4, 10)
    wide[..., ::2] = x
    for given, direction in [
        (wide[..., ::2], slope),
        (x, slope.contiguous(memory_format=torch.channels_last)),
        (x.contiguous(memory_format=torch.channels_last), slope),
        (x, slope.mT.contiguous().mT),
    ]:
        torch.testing.assert_close(differentiate(alone, [given, scale, shift], direction), expected)


def test_more_groups_than_a_program_takes_and_not_a_multiple(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sge_plan, "_WARP_ELEMENTS", 64)
    monkeypatch.setattr(sge_triton, "plan_kernel", sge_plan.plan_kernel.__wrapped__)
    x, _, scale, shift, slope = make(14, 7, 3, 3)
    alone, _ = forwards()
    for got, expected in zip(
        differentiate(alone, [x, scale, shift], slope), exactly(alone, [x, scale, shift], slope), strict=True
    ):
        torch.testing.assert_close(got.double(), expected, rtol=1e-4, atol=1e-5)
