"""Anchors, box codes, outputs and the pooling of regions: torchvision's, whatever the precision and the first image.

torchvision computes anchors and boxes in the precision of the feature maps; in
half precision a coordinate of 1000 pixels is off by whole pixels. It computes scores
and losses in the precision of the logits, in which many scores are equal. And it takes
the strides of the levels from the first image that it sees. Here boxes, scores and losses
are never of less than single precision, and the strides are the body's.
"""

from typing import Any

import torch
from torch import nn
from torchvision.models.detection._utils import BoxCoder as TorchvisionBoxCoder  # type: ignore[import-untyped]
from torchvision.models.detection.anchor_utils import AnchorGenerator  # type: ignore[import-untyped]
from torchvision.models.detection.image_list import ImageList  # type: ignore[import-untyped]
from torchvision.ops import MultiScaleRoIAlign  # type: ignore[import-untyped]
from torchvision.ops.poolers import LevelMapper  # type: ignore[import-untyped]

from attnbench.detection.pyramid import Pyramid
from attnbench.detection.registration import check_positive

ASPECT_RATIOS = (0.5, 1.0, 2.0)
"""Heights of the anchors over their widths."""

_CANONICAL_SIDE, _CANONICAL_LEVEL = 224, 4  # a region of 224 pixels is pooled at stride 2⁴: equation 1 of FPN's paper


class BoxCoder(TorchvisionBoxCoder):  # type: ignore[misc]
    """torchvision's box coder, which decodes in the precision of the boxes and not of the codes."""

    def decode_single(self, rel_codes: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """Boxes from their codes."""
        decoded: torch.Tensor = super().decode_single(rel_codes.to(boxes.dtype), boxes)
        return decoded


class Anchors(AnchorGenerator):  # type: ignore[misc]
    """torchvision's anchors, of at least single precision."""

    def forward(self, image_list: ImageList, feature_maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """The anchors of each image."""
        # Their precision is the first map's, of which no value is looked at.
        precise = precisely(feature_maps[0][:1, :1])
        anchors: list[torch.Tensor] = super().forward(image_list, [precise, *feature_maps[1:]])
        return anchors


def precisely(outputs: Any) -> Any:
    """A head's tensors, lists, tuples and dictionaries of tensors, all of at least single precision."""
    if isinstance(outputs, torch.Tensor):
        return outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    if isinstance(outputs, dict):
        return {name: precisely(output) for name, output in outputs.items()}
    return type(outputs)(precisely(output) for output in outputs)


def answer_precisely(*heads: nn.Module) -> None:
    """Let heads give their outputs in at least single precision, whatever they compute in."""
    for head in heads:
        head.register_forward_hook(_answer)


def _answer(head: nn.Module, inputs: tuple[Any, ...], outputs: Any) -> Any:
    return precisely(outputs)


def anchors_of(num_levels: int, size: int, scales: int = 1) -> Anchors:
    """Anchors of three aspect ratios, twice as large at each coarser level.

    Args:
        num_levels: Levels of the pyramid, all of them.
        size: Side of the smallest square anchor of the finest level, pixels.
        scales: Sizes within an octave.

    Raises:
        SpecError: If there is no size or scale.
    """
    check_positive(anchor_size=size, scales=scales)
    sizes = [[int(size * 2**level * 2 ** (scale / scales)) for scale in range(scales)] for level in range(num_levels)]
    return Anchors(tuple(map(tuple, sizes)), (ASPECT_RATIOS,) * num_levels)


def region_pool(pyramid: Pyramid, output_size: int) -> MultiScaleRoIAlign:
    """What crops regions out of the levels that stand on a stage.

    Args:
        pyramid: The pyramid.
        output_size: Side of a crop, positions.
    """
    pool = MultiScaleRoIAlign([stage.name for stage in pyramid.levels], output_size, sampling_ratio=2)
    pool.scales = [1 / stage.stride for stage in pyramid.levels]
    exponents = [stage.stride.bit_length() - 1 for stage in pyramid.levels]
    pool.map_levels = LevelMapper(exponents[0], exponents[-1], _CANONICAL_SIDE, _CANONICAL_LEVEL)
    return pool
