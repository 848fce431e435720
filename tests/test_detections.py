import numpy as np
import pytest
import torch
from torch import nn

from attnbench.detection.saved import DetectorDescription
from attnbench.detection_parts import read_detection_data
from attnbench.detection_suite import expand_detection
from attnbench.detections import annotated_data, annotated_images, detect_objects
from attnbench.errors import SpecError
from tests.tiny_detection import TINY_SCENES, tiny_detection

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Fixed(nn.Module):
    """Finds the same three objects in every image, and keeps the image."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.seen: list[torch.Tensor] = []

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        self.seen = images
        masks = torch.tensor([0.2, 0.5, 0.51])[:, None, None, None].expand(3, 1, 4, 6)
        return [
            {
                "boxes": torch.arange(12.0).reshape(3, 4),
                "labels": torch.tensor([1, 2, 3]),
                "scores": torch.tensor([0.3, 0.5, 0.9]),
                "masks": masks,
            }
        ]


def test_detections_are_sorted_and_held_to_a_score() -> None:
    pixels = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)
    model = Fixed()
    found = detect_objects(model, pixels, least_score=0.5)
    assert found.labels.tolist() == [3, 2]
    assert found.scores is not None
    assert found.scores.tolist() == pytest.approx([0.9, 0.5])
    assert found.boxes.tolist() == [[8, 9, 10, 11], [4, 5, 6, 7]]
    assert found.masks is not None
    assert found.masks.all((1, 2)).tolist() == [True, False]
    assert not found.masks[1].any()
    assert torch.equal(model.seen[0], torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1))


def test_the_images_are_the_first_of_the_test_split() -> None:
    spec = expand_detection(tiny_detection("mask-rcnn"))[0]
    detector = DetectorDescription(spec=spec, classes=CLASSES)
    given = list(annotated_images(annotated_data(detector, TINY_SCENES), number=3))
    images, targets = next(iter(read_detection_data(spec).test_dataloader()))
    assert [name for name, _, _ in given] == ["000001.png", "000002.png", "000003.png"]
    for (_, pixels, there), image, target in zip(given, images, targets, strict=False):
        assert np.array_equal(pixels, (image * 255).round().byte().permute(1, 2, 0).numpy())
        assert there.scores is None
        assert np.array_equal(there.boxes, target["boxes"].numpy())
        assert np.array_equal(there.labels, target["labels"].numpy())
        assert there.masks is not None
        assert np.array_equal(there.masks, target["masks"].numpy() > 0)
    assert len(list(annotated_images(annotated_data(detector, TINY_SCENES), number=99))) == 4


def test_another_data_set_must_have_the_same_classes() -> None:
    detector = DetectorDescription(spec=expand_detection(tiny_detection())[0], classes=("cat", "dog"))
    with pytest.raises(SpecError, match=r"trained on, cat, dog; its classes are zero, one, two, three, .* nine"):
        annotated_data(detector, TINY_SCENES)
