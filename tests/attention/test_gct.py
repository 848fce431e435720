from typing import Literal

import numpy as np
import pytest
import torch

from attnbench.attention.gct import GatedChannelTransformation
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.gct import gct


@pytest.mark.parametrize("norm", ["l1", "l2"])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], norm: Literal["l1", "l2"]) -> None:
    module = filled(GatedChannelTransformation(6, norm=norm))
    x = random_map(2, 6, *size)
    np.testing.assert_allclose(module(x).detach(), gct(x.numpy(), **arrays(module), norm=norm), rtol=1e-10)


def test_starts_from_the_identity() -> None:
    x = random_map(2, 8, 4, 4)
    assert torch.equal(GatedChannelTransformation(8).double()(x), x)


@pytest.mark.parametrize("channels", [64, 2048])
def test_has_the_papers_parameters(channels: int) -> None:
    assert sum(p.numel() for p in GatedChannelTransformation(channels).parameters()) == 3 * channels


def test_does_not_overflow_in_half_precision() -> None:
    module = filled(GatedChannelTransformation(8)).float()
    x = (100 + random_map(1, 8, 16, 16)).half()
    torch.testing.assert_close(module.half()(x).float(), module.float()(x.float()), rtol=5e-3, atol=5e-2)


def test_there_are_two_norms() -> None:
    with pytest.raises(SpecError, match="norm must be l1 or l2; got norm=l3"):
        GatedChannelTransformation(8, norm="l3")  # type: ignore[arg-type]
