"""The three stages of Cascade R-CNN against a naive version that goes from box to box."""

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

from attnbench.detection.cascade_heads import CascadeHeads
from tests.references import cascade as reference

SIZES = [(60, 80), (50, 64)]
NUM_OUTPUTS = 4
FEATURES = 6


class Waves(nn.Module):
    """Crops of boxes without a map: waves of the sides, with the image's own amplitude."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequency", torch.randn(4, FEATURES, dtype=torch.float64) / 15)

    def forward(
        self, maps: dict[str, torch.Tensor], boxes: list[torch.Tensor], sizes: list[tuple[int, int]]
    ) -> torch.Tensor:
        crops = [
            (of_image @ self.frequency).sin() * amplitude for of_image, amplitude in zip(boxes, maps["0"], strict=True)
        ]
        return torch.cat(crops)


def made(spread: float = 1.0) -> tuple[CascadeHeads, "OrderedDict[str, torch.Tensor]"]:
    torch.manual_seed(0)
    heads = CascadeHeads(
        Waves(),
        in_features=FEATURES,
        width=5,
        num_outputs=NUM_OUTPUTS,
        regions=400,
        score_threshold=0.1,
        max_detections=7,
    ).double()
    for stage in heads.stages:
        for parameter in stage.parameters():
            nn.init.normal_(parameter, std=spread)
    maps = OrderedDict([("0", torch.rand(2, FEATURES, dtype=torch.float64).add_(0.5).requires_grad_())])
    return heads, maps


def naive_stages(heads: CascadeHeads, maps: dict[str, torch.Tensor]) -> list[reference.Stage]:
    def stage_of(stage: Any) -> reference.Stage:
        def stage_at(image: int, box: reference.Box) -> tuple[torch.Tensor, torch.Tensor]:
            frequency = heads.box_roi_pool.frequency
            x = torch.stack([sum(box[side] * frequency[side, k] for side in range(4)).sin() for k in range(FEATURES)])
            x = x * maps["0"][image]
            for layer in (stage.head.fc6, stage.head.fc7):
                x = (layer.weight * x).sum(1) + layer.bias
                x = torch.where(x > 0, x, torch.zeros_like(x))
            logits, codes = ((out.weight * x).sum(1) + out.bias for out in (stage.class_logits, stage.box_codes))
            return logits, codes

        return stage_at

    return [stage_of(stage) for stage in heads.stages]


def regions() -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Proposals around and beside the objects of two images."""
    generator = torch.Generator().manual_seed(1)
    objects = [
        torch.tensor([[5.0, 6.0, 30.0, 40.0], [30.0, 20.0, 75.0, 55.0]], dtype=torch.float64),
        torch.tensor([[10.0, 8.0, 50.0, 44.0]], dtype=torch.float64),
    ]
    proposals = []
    for of_image, (height, width) in zip(objects, SIZES, strict=True):
        near = of_image.repeat(6, 1) + 4 * torch.randn(6 * len(of_image), 4, generator=generator).double()
        corner = torch.rand(5, 2, generator=generator).double() * 30
        far = torch.cat([corner, corner + 4 + torch.rand(5, 2, generator=generator).double() * 25], 1)
        sides = torch.tensor([width, height, width, height])
        proposals.append(torch.cat([near, far]).clamp(min=0).minimum(sides))
    targets = [
        {"boxes": objects[0], "labels": torch.tensor([2, 3])},
        {"boxes": objects[1], "labels": torch.tensor([1])},
    ]
    return proposals, targets


def as_boxes(boxes: torch.Tensor) -> list[reference.Box]:
    return [tuple(box) for box in boxes.tolist()]


@pytest.mark.parametrize("num_objects", [2, 1, 0])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_losses_and_gradients_are_the_naive_ones(spread: float, num_objects: int) -> None:
    heads, maps = made(spread)
    proposals, targets = regions()
    # The second image loses its object first.
    targets[1] = {name: value[: int(num_objects == 2)] for name, value in targets[1].items()}
    targets[0] = {name: value[: max(num_objects, 0)] for name, value in targets[0].items()}
    _, losses = heads.train()(maps, [boxes.clone() for boxes in proposals], SIZES, targets)
    # With so many regions all proposals are sampled, and the objects themselves after them.
    seen = [as_boxes(torch.cat([boxes, target["boxes"]])) for boxes, target in zip(proposals, targets, strict=True)]
    expected = reference.losses(
        naive_stages(heads, maps),
        seen,
        [as_boxes(target["boxes"]) for target in targets],
        [target["labels"].tolist() for target in targets],
        SIZES,
    )
    assert losses.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(losses[name], expected[name], rtol=1e-10, atol=1e-12)
        if spread < 1:  # else stage 1 throws its boxes far off, and the later ones have no object
            assert (losses[name].item() > 0) == (name.startswith("loss_classifier") or num_objects > 0), name
    inputs = [*heads.stages.parameters(), maps["0"]]
    ours = torch.autograd.grad(sum(losses.values()), inputs, allow_unused=True)  # type: ignore[arg-type]
    theirs = torch.autograd.grad(sum(expected.values()), inputs, allow_unused=True)  # type: ignore[arg-type]
    for our, their in zip(ours, theirs, strict=True):
        zeros = torch.zeros_like(our if our is not None else their)  # type: ignore[arg-type]
        torch.testing.assert_close(
            zeros if our is None else our, zeros if their is None else their, rtol=1e-9, atol=1e-11
        )


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_detections_are_the_naive_ones(spread: float) -> None:
    heads, maps = made(spread)
    proposals, _ = regions()
    with torch.no_grad():
        detections, losses = heads.eval()(maps, proposals, SIZES)
    assert losses == {}
    for image, found in enumerate(detections):
        expected = reference.detections(
            naive_stages(heads, maps), image, as_boxes(proposals[image]), SIZES[image], least_score=0.1, most=7
        )
        assert 1 < len(expected) <= 7
        assert found["labels"].tolist() == [label for _, label, _ in expected]
        scores = torch.tensor([score for score, _, _ in expected], dtype=torch.float64)
        torch.testing.assert_close(found["scores"], scores, rtol=1e-10, atol=1e-12)
        boxes = torch.tensor([box for _, _, box in expected], dtype=torch.float64)
        torch.testing.assert_close(found["boxes"], boxes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("of_images", [(0,), (0, 1)])
def test_images_whose_boxes_all_become_empty_give_finite_losses(of_images: tuple[int, ...]) -> None:
    heads, maps = made()
    nn.init.zeros_(heads.stages[0].box_codes.weight)
    # The first stage moves every box of these images out to the left.
    with torch.no_grad():
        heads.stages[0].box_codes.bias.copy_(torch.tensor([-1e4 if len(of_images) == 2 else 0.0, 0.0, 0.0, 0.0]))
    proposals, targets = regions()
    if len(of_images) == 1:
        proposals[0] = proposals[0][:0]
        targets[0] = {"boxes": torch.zeros(0, 4, dtype=torch.float64), "labels": torch.zeros(0, dtype=torch.int64)}
    _, losses = heads.train()(maps, proposals, SIZES, targets)
    sum(losses.values()).backward()  # type: ignore[union-attr]
    assert all(torch.isfinite(loss) for loss in losses.values())
    gradients = [parameter.grad for parameter in heads.stages.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)
    if len(of_images) == 2:
        assert losses["loss_classifier_2"] == losses["loss_box_reg_3"] == 0


def test_a_test_without_proposals_gives_no_detections() -> None:
    heads, maps = made()
    nothing = torch.zeros(0, 4, dtype=torch.float64)
    detections, _ = heads.eval()(maps, [nothing, nothing], SIZES)
    assert [len(found["boxes"]) for found in detections] == [0, 0]
