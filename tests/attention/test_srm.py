import numpy as np
import pytest
import torch

from attnbench.attention.source import Source
from attnbench.attention.srm import StyleRecalibration
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.srm import srm


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("source", ["official", "paper"])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], source: Source, training: bool) -> None:
    module = filled(StyleRecalibration(6, source=source)).train(training)
    state = arrays(module)
    norm = tuple(state[f"norm.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
    x = random_map(3, 6, *size)
    expected = srm(x.numpy(), state["style_weight"], norm, source=source, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10)


@pytest.mark.parametrize("channels", [64, 2048])
def test_has_the_papers_parameters(channels: int) -> None:
    # 2·C weights, and scale and shift of the norm.
    assert sum(p.numel() for p in StyleRecalibration(channels).parameters()) == 2 * channels + 2 * channels


def test_starts_from_a_gate_of_one_half() -> None:
    x = random_map(2, 8, 4, 4)
    torch.testing.assert_close(StyleRecalibration(8).double()(x), x / 2)


@pytest.mark.parametrize("source", ["official", "paper"])
def test_gradient_is_finite_on_a_constant_map(source: Source) -> None:
    module = filled(StyleRecalibration(4, source=source))
    x = torch.ones(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    module(x).sum().backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_there_are_two_sources() -> None:
    with pytest.raises(SpecError, match="source must be official or paper; got source=code"):
        StyleRecalibration(8, source="code")  # type: ignore[arg-type]
