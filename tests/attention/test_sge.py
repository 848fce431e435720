from typing import Any

import numpy as np
import pytest
import torch

from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.errors import SpecError
from tests.references.sge import sge

SIZES = [(5, 5), (4, 7), (7, 3), (1, 1), (1, 6)]


def make(channels: int, groups: int, **settings: Any) -> SpatialGroupEnhance:
    module = SpatialGroupEnhance(channels, groups=groups, **settings).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        parameter.data.normal_(generator=generator)
    return module


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("settings", [{}, {"source": "paper"}, {"normalize": False}])
def test_equals_the_paper(size: tuple[int, int], groups: int, settings: dict[str, Any]) -> None:
    x = torch.randn(2, 6, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    module = make(6, groups, **settings)
    scale, shift = module.gate_scale.detach().numpy(), module.gate_shift.detach().numpy()
    expected = sge(x.numpy(), scale, shift, groups=groups, **settings)
    np.testing.assert_allclose(module(x).detach().numpy(), expected, rtol=1e-11, atol=1e-13)


def test_starts_from_a_constant_gate() -> None:
    x = torch.randn(2, 8, 4, 4)
    torch.testing.assert_close(SpatialGroupEnhance(8, groups=4)(x), x * torch.sigmoid(torch.tensor(1.0)))


@pytest.mark.parametrize(("channels", "groups"), [(64, 64), (256, 64), (256, 32)])
def test_has_two_parameters_a_group(channels: int, groups: int) -> None:
    module = SpatialGroupEnhance(channels, groups=groups)
    assert sum(parameter.numel() for parameter in module.parameters()) == 2 * groups


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(SpecError, match=r"groups must divide channels; got groups=48, channels=256; allowed: 1, 2, 4"):
        SpatialGroupEnhance(256, groups=48)


def test_does_not_overflow_in_half_precision() -> None:
    noise = torch.randn(1, 64, 8, 8, generator=torch.Generator().manual_seed(0))
    x = (60.0 + noise).half()
    module = SpatialGroupEnhance(64, groups=2, gate_scale_init=1.0)
    y = module.half()(x)
    torch.testing.assert_close(y.float(), module.float()(x.float()), rtol=5e-3, atol=5e-2)


def test_there_are_two_sources() -> None:
    with pytest.raises(SpecError, match="source must be official or paper; got source=code"):
        SpatialGroupEnhance(64, source="code")  # type: ignore[arg-type]


def gradient(module: SpatialGroupEnhance, x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_()
    weights = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(2))
    (module(x) * weights).sum().backward()
    assert x.grad is not None
    return x.grad


@pytest.mark.parametrize("spread", [1e-4, 1e-6, 1e-8, 0.0])
def test_gradient_does_not_explode_as_a_map_nears_a_constant(spread: float) -> None:
    noise = torch.randn(1, 64, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    module = SpatialGroupEnhance(64, groups=8, gate_scale_init=1.0).double()
    x = 1 + spread * noise
    # Undamped it is up to 1.8e5 here; the result is what the equation says all the same.
    assert gradient(module, x).abs().max() < 3e3
    expected = sge(x.numpy(), np.ones(8), np.ones(8), groups=8)
    np.testing.assert_allclose(module(x).detach().numpy(), expected, rtol=1e-6)


def test_gradient_is_finite_on_a_constant_map() -> None:
    x = torch.ones(1, 4, 3, 3, requires_grad=True)
    SpatialGroupEnhance(4, groups=2, gate_scale_init=1.0)(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()
