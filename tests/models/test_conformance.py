"""The models of SGE's authors, weight by weight and logit by logit.

`conformance/` holds, for models of https://github.com/implus/PytorchInsight, the
keys and shapes of their state dicts, and the logits that they give in float64 for
weights and images drawn by `fill.py`. `other_depths.json` was made by running the
authors' code on sizes that it can run, where its BAM needs square maps.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import attnbench
from tests.models.conformance.fill import fill, image

CASES = Path(__file__).parent / "conformance"
PUBLISHED = {
    "old": ("none", 25_557_032),
    "se": ("se:source=official", 28_088_024),
    "sk": ("sk:source=official", 26_154_496),
    "bam": ("bam:source=official", 25_915_099),
    "cbam": ("cbam:source=official", 28_089_624),
    "sge": ("sge:source=official", 25_559_080),
}
OTHER_DEPTHS: list[dict[str, Any]] = json.loads((CASES / "other_depths.json").read_text())


def filled_state(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(np.asarray(fill(key, tuple(shape)))) for key, shape in shapes.items()}


def logits_of(
    backbone: str, attention: str, shapes: dict[str, list[int]], size: tuple[int, int], batch: int
) -> tuple[np.ndarray[Any, Any], int]:
    model = attnbench.create_model(backbone, attention, num_classes=1000, image_size=size).double().eval()
    attnbench.load_checkpoint(model, filled_state(shapes))
    with torch.no_grad():
        logits = model(torch.from_numpy(image(size, batch))).numpy()
    return logits, sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_six_resnet_50s_are_the_authors(name: str) -> None:
    attention, parameters = PUBLISHED[name]
    case = json.loads((CASES / f"{name}_resnet50.json").read_text())
    expected = np.load(CASES / f"{name}_resnet50_224x224.npy")
    logits, counted = logits_of("resnet50", attention, case["state_dict"], (224, 224), len(expected))
    np.testing.assert_allclose(logits, expected, rtol=1e-9)
    assert counted == parameters == case["parameters"]


@pytest.mark.parametrize(
    "case", OTHER_DEPTHS, ids=lambda case: f"{case['backbone']}-{case['attention']}-{case['image_size']}"
)
def test_other_depths_and_sizes_are_the_authors(case: dict[str, Any]) -> None:
    height, width = case["image_size"]
    logits, counted = logits_of(case["backbone"], case["attention"], case["state_dict"], (height, width), 1)
    np.testing.assert_allclose(logits[0, : len(case["logits"])], case["logits"], rtol=1e-9)
    assert counted == case["parameters"]
