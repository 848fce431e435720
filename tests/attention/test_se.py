import numpy as np
import pytest

from attnbench.attention.se import SqueezeExcitation
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.se import se


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], bias: bool) -> None:
    module = filled(SqueezeExcitation(8, reduction=2, bias=bias))
    state = arrays(module)
    x = random_map(2, 8, *size)
    layers = (state.get(name) for layer in ("squeeze", "excite") for name in (f"{layer}.weight", f"{layer}.bias"))
    np.testing.assert_allclose(module(x).detach(), se(x.numpy(), *layers), rtol=1e-11)


@pytest.mark.parametrize(("channels", "reduction"), [(64, 16), (256, 16), (256, 8)])
def test_has_the_papers_parameters(channels: int, reduction: int) -> None:
    def count(**settings: bool) -> int:
        return sum(p.numel() for p in SqueezeExcitation(channels, reduction=reduction, **settings).parameters())

    weights = 2 * channels**2 // reduction
    assert count(bias=False) == weights
    assert count() == weights + channels // reduction + channels


def test_the_papers_equations_have_no_biases() -> None:
    assert SqueezeExcitation(64, source="paper").squeeze.bias is None
    assert SqueezeExcitation(64).excite.bias is not None
    assert SqueezeExcitation(64, source="paper", bias=True).squeeze.bias is not None


def test_reduces_by_16_as_the_paper_by_default() -> None:
    assert SqueezeExcitation(64).squeeze.out_features == 4


@pytest.mark.parametrize("reduction", [0, 9])
def test_reduction_leaves_a_channel(reduction: int) -> None:
    with pytest.raises(SpecError, match=f"reduction must lie in 1 … channels; got reduction={reduction}, channels=8"):
        SqueezeExcitation(8, reduction=reduction)
