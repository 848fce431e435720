"""Anchors, box codes and pooled regions."""

import pytest
import torch
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.retinanet import _default_anchorgen
from torchvision.ops import MultiScaleRoIAlign

from attnbench.detection.boxes import BoxCoder, anchors_of, precisely, region_pool
from tests.detection.tiny import built


def maps(dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    return [torch.rand(1, 2, 64 // stride, 96 // stride).to(dtype) for stride in (8, 16, 32, 64, 64)]


def test_the_default_anchors_are_torchvisions() -> None:
    images = ImageList(torch.zeros(1, 3, 64, 96), [(64, 96)])
    assert torch.equal(anchors_of(5, 32, 3)(images, maps())[0], _default_anchorgen()(images, maps())[0])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_anchors_do_not_depend_on_the_precision_of_the_maps(dtype: torch.dtype) -> None:
    images = ImageList(torch.zeros(1, 3, 64, 96), [(64, 96)])
    assert torch.equal(anchors_of(5, 33)(images, maps(dtype))[0], anchors_of(5, 33)(images, maps())[0])


def test_boxes_are_decoded_in_their_own_precision() -> None:
    boxes = torch.tensor([[1001.0, 3.0, 1099.0, 77.0]])
    codes = torch.tensor([[0.5, -1.0, 0.25, 0.125]])
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
    assert torch.equal(coder.decode_single(codes.bfloat16(), boxes), coder.decode_single(codes, boxes))


def test_outputs_of_every_shape_become_precise() -> None:
    half, double = torch.tensor(1 / 3).half(), torch.tensor(1 / 3).double()
    made = precisely({"a": [half, double], "b": (half,)})
    assert [value.dtype for value in (*made["a"], *made["b"])] == [torch.float32, torch.float64, torch.float32]
    assert made["a"][0] == half
    assert type(made["b"]) is tuple


def test_regions_are_pooled_alike_whatever_the_first_image() -> None:
    pyramid = built(backbone="cifar-resnet:depth=8,stem_stride=4,width=8").model.backbone
    levels = {stage.name: torch.rand(1, 2, 64 // stage.stride, 64 // stage.stride) for stage in pyramid.levels}
    boxes = [torch.tensor([[2.0, 3.0, 30.0, 40.0], [0.0, 0.0, 60.0, 64.0]])]
    expected = MultiScaleRoIAlign(list(levels), 7, sampling_ratio=2)(levels, boxes, [(64, 64)])
    assert torch.equal(region_pool(pyramid, 7)(levels, boxes, [(64, 64)]), expected)
    # An image of which nearly a half is padding makes torchvision's infer strides of half the size.
    assert torch.equal(region_pool(pyramid, 7)(levels, boxes, [(33, 33)]), expected)
    assert not torch.equal(MultiScaleRoIAlign(list(levels), 7, sampling_ratio=2)(levels, boxes, [(33, 33)]), expected)
