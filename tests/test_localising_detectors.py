"""Attention of a detector beside all objects of an image, whatever is done to the image's size on the way."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.data.detection import DetectionData
from attnbench.detection import create_detector
from attnbench.detection_parts import read_detection_data
from attnbench.detection_suite import expand_detection
from attnbench.localisation_record import STEPS
from attnbench.localising_detectors import localise_detector
from tests.tiny_detection import TINY_BODY, TINY_DETECTORS, tiny_detection

ATTENTION = "se:reduction=4,stages=1"


@pytest.fixture(scope="module")
def scenes() -> DetectionData:
    # Boxes alone are learned: masks are read all the same, to score by.
    return read_detection_data(expand_detection(tiny_detection("faster-rcnn", ATTENTION))[0])


def detector(attention: str, *, side: int = 64) -> nn.Module:
    body = f"{TINY_BODY},zero_init_last=false"
    return create_detector(
        TINY_DETECTORS["retinanet"], body, attention, num_classes=10, short_side=side, long_side=side
    ).eval()


def test_without_attention_there_are_the_controls(scenes: DetectionData) -> None:
    told: list[tuple[int, int]] = []
    found = localise_detector(
        detector("none"), scenes, num_images=3, on_step=lambda done, total: told.append((done, total))
    )
    assert [scores.kind for scores in found.maps] == ["random", "centre", "image"]
    assert (found.num_images, found.num_validation_images) == (3, 2)
    assert told[-1] == (5, 5)
    assert found.object_share == pytest.approx(np.mean([mask.mean() for mask in masks_of(scenes)[:3]]))


@pytest.mark.parametrize("side", [64, 72])
def test_attention_that_looks_at_the_left_half_has_the_energy_of_the_left_half(
    scenes: DetectionData, side: int
) -> None:
    """At 72 pixels the batch is filled up to 96, of which a third is no part of the image."""
    model = detector(ATTENTION, side=side)
    (layer,) = [module for name, module in model.named_modules() if name.endswith("layer1.0.se")]
    filled = {64: 64, 72: 96}[side]

    def left_half(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        columns = (torch.arange(output.shape[-1]) + 0.5) / output.shape[-1] * filled
        return inputs[0] * (columns < side / 2)

    layer.register_forward_hook(left_half)
    found = localise_detector(model, scenes, num_images=4)
    (attention,) = [scores for scores in found.maps if scores.kind == "attention"]
    expected = [mask[:, :32].sum() / (32 * 64) for mask in masks_of(scenes)]
    # Between the halves lies a bilinear edge.
    np.testing.assert_allclose(attention.energy.unpack() / STEPS, expected, atol=0.03)


def masks_of(scenes: DetectionData) -> list[NDArray[np.bool_]]:
    """Where any object is in each test image."""
    annotations = scenes.split("test").annotations
    numbers = range(len(annotations.labels))
    return [
        annotations.masks_of(numbers[annotations.objects_of(image)], image).any(0)
        for image in range(annotations.num_images)
    ]
