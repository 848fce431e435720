import math

import pytest
import torch
from torchvision.models.detection.retinanet import RetinaNetHead  # type: ignore[import-untyped]

from attnbench.detection.retinanet_head import FocalHead
from attnbench.errors import SpecError

OUTPUTS = 4
MATCHED = [torch.tensor([0, -1, -2, 1, -1, 0]), torch.tensor([-1, -1, -2, -1, -1, -1])]
TARGETS = [
    {"labels": torch.tensor([2, 3]), "boxes": torch.tensor([[0.0, 0.0, 9.0, 9.0], [4.0, 4.0, 20.0, 12.0]])},
    {"labels": torch.zeros(0, dtype=torch.int64), "boxes": torch.zeros(0, 4)},
]


def made(*, focal_alpha: float = 0.25, focal_gamma: float = 2.0) -> FocalHead:
    return FocalHead(
        8,
        1,
        OUTPUTS,
        convolutions=2,
        group_norm=False,
        focal_alpha=focal_alpha,
        focal_gamma=focal_gamma,
    )


def outputs() -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    anchors = [torch.tensor([[0.0, 0.0, 8.0, 8.0]]).repeat(6, 1) + torch.arange(6)[:, None]] * 2
    return {
        "cls_logits": torch.randn(2, 6, OUTPUTS, generator=generator, requires_grad=True),
        "bbox_regression": torch.randn(2, 6, 4, generator=generator),
    }, anchors


def naive(logits: torch.Tensor, alpha: float, gamma: float) -> float:
    """Equation 5 term by term."""
    images = []
    for image, (matched, target) in enumerate(zip(MATCHED, TARGETS, strict=True)):
        total, objects = 0.0, 0
        for anchor, number in enumerate(matched.tolist()):
            objects += number >= 0
            for label in range(OUTPUTS) if number != -2 else ():
                score = 1 / (1 + math.exp(-float(logits[image, anchor, label])))
                own = number >= 0 and label == int(target["labels"][number])
                right, weight = (score, alpha) if own else (1 - score, 1 - alpha)
                total -= weight * (1 - right) ** gamma * math.log(right)
        images.append(total / max(1, objects))
    return sum(images) / len(images)


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.75, 0.5), (0.5, 0.0)])
def test_the_focal_loss_is_the_papers(alpha: float, gamma: float) -> None:
    given, anchors = outputs()
    losses = made(focal_alpha=alpha, focal_gamma=gamma).compute_loss(TARGETS, given, anchors, MATCHED)
    assert losses["classification"].item() == pytest.approx(naive(given["cls_logits"].detach(), alpha, gamma), rel=1e-5)


def test_by_default_both_losses_and_their_gradients_are_torchvisions() -> None:
    found = []
    for head in (made(), RetinaNetHead(8, 1, OUTPUTS)):
        given, anchors = outputs()
        losses = head.compute_loss(TARGETS, given, anchors, MATCHED)
        losses["classification"].backward()
        found.append((losses["classification"], losses["bbox_regression"], given["cls_logits"].grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"focal_alpha": 1.0}, r"focal_alpha must be in \(0, 1\); got focal_alpha=1.0"),
        ({"focal_gamma": -1.0}, "focal_gamma must not be negative; got focal_gamma=-1.0"),
    ],
)
def test_a_loss_that_cannot_be_is_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        made(**fields)
