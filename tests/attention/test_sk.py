import numpy as np
import pytest

from attnbench.attention.sk import SelectiveKernel
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.sk import sk


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(5, 5), (6, 3), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], stride: int, training: bool) -> None:
    module = filled(SelectiveKernel(4, 8, stride=stride, groups=1, branch_groups=2, min_hidden=4)).train(training)
    state = arrays(module)
    x = random_map(3, 4, *size)
    expected = sk(x.numpy(), state, stride=stride, groups=2, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(5, 5), (6, 3), (1, 1)])
def test_official_equals_what_the_authors_of_sge_ran(size: tuple[int, int], stride: int, training: bool) -> None:
    module = filled(
        SelectiveKernel(4, 8, stride=stride, groups=1, branch_groups=2, reduction=4, source="official")
    ).train(training)
    x = random_map(3, 4, *size)
    expected = sk(x.numpy(), arrays(module), stride=stride, groups=(1, 2), dilations=(1, 1), training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("channels", [64, 512])
def test_official_has_its_parameters(channels: int) -> None:
    hidden = channels // 16
    branches = 9 * channels**2 + 9 * channels**2 // 32 + 4 * channels
    selection = channels * hidden + 2 * hidden + 2 * hidden * channels
    module = SelectiveKernel(channels, channels, stride=1, groups=1, source="official")
    assert sum(p.numel() for p in module.parameters()) == branches + selection


@pytest.mark.parametrize(("channels", "groups"), [(64, 32), (128, 32), (1024, 32), (16, 16), (48, 16), (40, 8)])
def test_has_the_papers_parameters(channels: int, groups: int) -> None:
    hidden = max(channels // 16, 32)
    branches = 2 * (9 * channels**2 // groups + 2 * channels)
    selection = channels * hidden + 2 * hidden + 2 * hidden * channels
    module = SelectiveKernel(channels, channels, stride=1, groups=1)
    assert sum(p.numel() for p in module.parameters()) == branches + selection


def test_takes_at_most_32_groups_that_divide_the_channels() -> None:
    assert [SelectiveKernel(n, n, stride=1, groups=1).branches[0][0].groups for n in (96, 48, 10, 7)] == [32, 16, 2, 1]  # type: ignore[index]


def test_keeps_the_groups_of_a_grouped_convolution() -> None:
    module = SelectiveKernel(64, 64, stride=1, groups=16)
    assert all(branch[0].groups == 16 for branch in module.branches)  # type: ignore[index]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"branch_groups": 3}, "groups must divide channels; got groups=3, channels=16"),
        ({"reduction": 0}, "reduction and min_hidden must be at least 1; got reduction=0"),
        ({"min_hidden": 0}, "min_hidden=0"),
    ],
)
def test_says_what_is_allowed(settings: dict[str, int], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        SelectiveKernel(16, 16, stride=1, groups=1, **settings)
