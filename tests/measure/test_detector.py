"""Counts of a detector's parts."""

import copy

import pytest
import torch

from attnbench.measure.detector import count_detector
from attnbench.measure.macs import count_macs
from tests.detection.tiny import BACKBONE, DETECTORS, built


def convolved(in_channels: int, out_channels: int, kernel: int, positions: int) -> int:
    return in_channels * out_channels * kernel**2 * positions


# Maps of a 64×64 image at strides 2, 4 and 8, and a fourth at 16.
POSITIONS = (32**2, 16**2, 8**2)
# fvcore counts enlarging a map once for each value that it gives.
PYRAMID = 8 * (32**2 + 16**2) + sum(
    convolved(c, 8, 1, positions) + convolved(8, 8, 3, positions)
    for c, positions in zip((8, 16, 32), POSITIONS, strict=True)
)
PROPOSING = sum(convolved(8, 8, 3, p) + convolved(8, 3 + 12, 1, p) for p in (*POSITIONS, 4**2))
BOX_HEAD = 8 * 49 * 16 + 16 * 16
REGION = {
    "faster-rcnn": BOX_HEAD + 16 * (4 + 16),
    "cascade-rcnn": 3 * (BOX_HEAD + 16 * (4 + 4)),
}


@pytest.mark.parametrize("detector", ["faster-rcnn", "cascade-rcnn"])
def test_parts_are_counted_as_written_out(detector: str) -> None:
    counts = count_detector(built(detector).model, (64, 64))
    assert counts.pyramid_macs == PYRAMID
    assert counts.dense_macs == PROPOSING
    assert 0 < counts.num_regions <= 20
    assert counts.region_macs == counts.num_regions * REGION[detector]


def test_retinanet_has_no_regions() -> None:
    counts = count_detector(built("retinanet").model, (64, 64))
    coarser = convolved(32, 8, 3, 4**2) + convolved(8, 8, 3, 2**2)
    assert counts.pyramid_macs == PYRAMID + coarser
    each = 2 * convolved(8, 8, 3, 1) + convolved(8, 9 * (4 + 4), 3, 1)
    assert counts.dense_macs == each * sum((*POSITIONS, 4**2, 2**2))
    assert (counts.region_macs, counts.num_regions) == (0, 0)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("attention", ["none", "sge:groups=4", "srm:at=fpn"])
def test_a_body_counts_as_the_classifier_does(detector: str, attention: str) -> None:
    from attnbench.models import create_model

    model = built(detector, attention).model
    counts = count_detector(model, (60, 64))  # padded to 64×64
    in_body = "none" if "fpn" in attention else attention
    classifier = create_model(BACKBONE, in_body, num_classes=1, image_size=(64, 64))
    classified = count_macs(classifier, (3, 64, 64))
    # Besides the body it has an average over 8×8 positions of 32 channels, and one output.
    assert counts.body_macs == classified.macs - 32 * 8**2 - 32
    assert counts.image_size == (60, 64)
    assert counts.uncounted_operators.get("aten::sigmoid", 0) == (3 if attention.startswith("sge") else 0)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    assert counts.parameters == parameters
    of_body = sum(parameter.numel() for parameter in classifier.parameters()) - 32 - 1
    assert counts.body_parameters == of_body


def test_attention_in_the_pyramid_counts_there() -> None:
    plain, attended = (
        count_detector(built(attention=name).model, (64, 64)) for name in ("none", "se:at=fpn,reduction=2")
    )
    assert attended.body_macs == plain.body_macs
    assert attended.pyramid_macs - plain.pyramid_macs == 3 * 2 * 8 * 4
    assert attended.parameters - plain.parameters == 3 * (2 * 8 * 4 + 4 + 8)


@pytest.mark.parametrize("detector", DETECTORS)
@pytest.mark.parametrize("mode", [True, False])
def test_counting_changes_nothing(detector: str, mode: bool) -> None:
    model = built(detector, frozen_stages=1).model.train(mode)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    first, second = (count_detector(model, (64, 64)) for _ in range(2))
    assert first == second
    assert torch.equal(torch.rand(2), expected)
    assert model.training == mode
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in model.children())
    assert first.parameters > sum(p.numel() for p in model.parameters() if p.requires_grad)
