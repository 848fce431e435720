import numpy as np
import pytest
import torch
from timm.layers import EcaModule

from attnbench.attention.eca import EfficientChannelAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.eca import eca


@pytest.mark.parametrize("kernel_size", [None, 1, 5, 9])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], kernel_size: int | None) -> None:
    module = filled(EfficientChannelAttention(8, kernel_size=kernel_size))
    x = random_map(2, 8, *size)
    np.testing.assert_allclose(module(x).detach(), eca(x.numpy(), arrays(module)["conv.weight"][0, 0]), rtol=1e-11)


def test_equals_timms() -> None:
    theirs = EcaModule(64).double()
    ours = EfficientChannelAttention(64).double()
    ours.load_state_dict(theirs.state_dict())
    x = random_map(2, 64, 5, 6)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-12, atol=0)


@pytest.mark.parametrize(("channels", "kernel_size"), [(64, 3), (128, 5), (256, 5), (512, 5), (1024, 5), (2048, 7)])
def test_has_the_papers_parameters(channels: int, kernel_size: int) -> None:
    assert sum(p.numel() for p in EfficientChannelAttention(channels).parameters()) == kernel_size


@pytest.mark.parametrize("kernel_size", [0, 2, -3])
def test_kernels_are_odd(kernel_size: int) -> None:
    with pytest.raises(SpecError, match=f"kernel_size must be odd; got kernel_size={kernel_size}"):
        EfficientChannelAttention(8, kernel_size=kernel_size)
