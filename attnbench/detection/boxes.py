"""Anchors, box codes and the pooling of regions: torchvision's, where the precision and the first image do not matter.

torchvision computes anchors and boxes in the precision of the feature maps; in
half precision a coordinate of 1000 pixels is off by whole pixels. And it takes
the strides of the levels from the first image that it sees. Here boxes
are never of less than single precision, and the strides are the body's.
"""

import torch
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
        first = feature_maps[0][:1, :1]
        precise = first.to(torch.promote_types(first.dtype, torch.float32))
        anchors: list[torch.Tensor] = super().forward(image_list, [precise, *feature_maps[1:]])
        return anchors


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
