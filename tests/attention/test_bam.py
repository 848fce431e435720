from typing import Literal

import numpy as np
import pytest
import torch

from attnbench.attention.bam import BAM
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.bam import bam


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("combine", ["sum", "product"])
@pytest.mark.parametrize("size", [(5, 5), (6, 3), (3, 6), (1, 1)])
def test_equals_the_paper(size: tuple[int, int], combine: Literal["sum", "product"], training: bool) -> None:
    module = filled(BAM(8, reduction=2, dilation=2, combine=combine)).train(training)
    state = arrays(module)
    x = random_map(3, 8, *size)
    expected = bam(x.numpy(), state, dilation=2, combine=combine, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("channels", [256, 512, 1024])
def test_has_the_papers_parameters(channels: int) -> None:
    hidden = channels // 16
    channel = channels * hidden + hidden + 2 * hidden + hidden * channels + channels
    dilated = 9 * hidden**2 + hidden + 2 * hidden
    spatial = channels * hidden + hidden + 2 * hidden + 2 * dilated + hidden + 1
    assert sum(p.numel() for p in BAM(channels).parameters()) == channel + spatial


def test_three_stages_add_what_the_papers_resnet_50_adds() -> None:
    # 25.92 M with BAM and 25.56 M without, in the SGE paper.
    added = sum(p.numel() for channels in (256, 512, 1024) for p in BAM(channels).parameters())
    assert added == 25_915_099 - 25_557_032


def test_trains_on_a_single_value_by_the_running_statistics() -> None:
    module = filled(BAM(16, reduction=4))
    x = random_map(1, 16, 1, 1)
    y = module(x)
    y.sum().backward()
    torch.testing.assert_close(y, module.eval()(x), rtol=1e-12, atol=0)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in module.parameters())


def test_dilates_as_the_paper_by_default() -> None:
    convolutions = [layer for layer in BAM(64).spatial_branch if isinstance(layer, torch.nn.Conv2d)]
    assert [layer.dilation[0] for layer in convolutions] == [1, 4, 4, 1]


def test_the_authors_multiply_and_the_paper_adds() -> None:
    assert BAM(16).combine == BAM(16, source="official").combine == "product"
    assert BAM(16, source="paper").combine == "sum"
    assert BAM(16, source="official", combine="sum").combine == "sum"
    with pytest.raises(SpecError, match="combine must be sum or product; got combine=mean"):
        BAM(16, combine="mean")  # type: ignore[arg-type]


def test_starts_from_biases_of_zero() -> None:
    assert all(not value.any() for name, value in BAM(64).named_parameters() if name.endswith("bias"))


def test_dilation_is_positive() -> None:
    with pytest.raises(SpecError, match="dilation must be at least 1; got dilation=0"):
        BAM(16, dilation=0)
