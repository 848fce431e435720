import numpy as np
import pytest
import torch

from attnbench.attention.lsk import LargeSelectiveKernel
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.lsk import lsk


@pytest.mark.parametrize("channels", [4, 5])
@pytest.mark.parametrize("size", [(5, 5), (4, 12), (25, 3), (1, 1), (1, 6)])
def test_equals_the_paper(size: tuple[int, int], channels: int) -> None:
    module = filled(LargeSelectiveKernel(channels))
    x = random_map(2, channels, *size)
    np.testing.assert_allclose(module(x).detach(), lsk(x.numpy(), arrays(module)), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("channels", [2, 64, 256])
def test_has_the_papers_parameters(channels: int) -> None:
    depthwise = (5 * 5 + 7 * 7) * channels + 2 * channels
    mixing = 2 * (channels * channels // 2 + channels // 2)
    selection = 2 * 2 * 7 * 7 + 2
    restoring = channels // 2 * channels + channels
    module = LargeSelectiveKernel(channels)
    assert sum(p.numel() for p in module.parameters()) == depthwise + mixing + selection + restoring


def test_starts_as_the_authors_do() -> None:
    torch.manual_seed(0)
    module = LargeSelectiveKernel(256)
    fans = {"near": 25, "far": 49, "mix_near": 128, "mix_far": 128, "select": 2 * 49, "restore": 256}
    convs = dict(module.named_children())
    assert convs.keys() == fans.keys()
    for name, fan_out in fans.items():
        assert float(convs[name].weight.detach().std()) == pytest.approx((2 / fan_out) ** 0.5, rel=0.15)  # type: ignore[operator, union-attr]
        assert not convs[name].bias.any()  # type: ignore[operator, union-attr]


def test_sees_23_by_23_positions() -> None:
    module = filled(LargeSelectiveKernel(2))
    with torch.no_grad():
        # Without the selection, whose kernel reaches further.
        module.select.weight.zero_()
    x = random_map(1, 2, 31, 31).requires_grad_()
    (module(x)[0, :, 15, 15].sum()).backward()
    assert x.grad is not None
    rows, columns = x.grad[0].abs().sum(0).nonzero(as_tuple=True)
    assert (int(rows.min()), int(rows.max())) == (int(columns.min()), int(columns.max())) == (15 - 11, 15 + 11)


def test_needs_two_channels() -> None:
    with pytest.raises(SpecError, match="lsk needs at least 2 channels; got channels=1"):
        LargeSelectiveKernel(1)
