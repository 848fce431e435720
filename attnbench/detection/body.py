"""A ResNet without its classifier, which gives the map of every stage."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from attnbench.detection.norms import freeze, hold_norms
from attnbench.detection_spec import Norm
from attnbench.errors import PlacementError, SpecError
from attnbench.models.backbones import create_backbone, family_of
from attnbench.variant import Variant

FAMILIES = ("resnet", "cifar-resnet")
"""Families whose backbones run their children in turn, and so can be cut after a stage."""

BodyT = TypeVar("BodyT", bound="Body")


@dataclass(frozen=True, kw_only=True)
class StageMap:
    """The map that a stage gives."""

    name: str
    """Name of the stage in the body."""
    channels: int
    """Channels of the map."""
    stride: int
    """By how much the image is larger."""


class Body(nn.Module):
    """The layers of a classifier up to its last stage, under their own names.

    Shape: (N, 3, H, W) in; out one map a stage, by the stage's name, the finest first.
    """

    def __init__(
        self,
        classifier: nn.Module,
        backbone: Variant,
        *,
        image_size: tuple[int, int],
        frozen_stages: int = 0,
        norm: Norm = "train",
    ) -> None:
        """Cut a classifier.

        Args:
            classifier: The backbone as attnbench builds it, attention modules included; its layers are taken over.
            backbone: Its name and settings.
            image_size: Height and width of an image to measure the strides with.
            frozen_stages: Leading parts that are not trained: 1 is the stem, 2 the stem and the first stage …
            norm: What becomes of the batch norms.

        Raises:
            PlacementError: If the backbone is of a family that cannot be cut.
            SpecError: If there are fewer parts than are to be frozen, or the strides are not 2, 4, 8 …
        """
        super().__init__()
        check_family(backbone)
        names = _stage_names(backbone)
        for name, layer in classifier.named_children():
            self.add_module(name, layer)
            if name == names[-1]:
                break
        if not 0 <= frozen_stages <= len(names) + 1:
            raise SpecError(
                f"{backbone} has {len(names) + 1} parts to freeze, the stem and {len(names)} stages; "
                f"got frozen_stages={frozen_stages}"
            )
        self.stage_names = names
        self.frozen_stages = frozen_stages
        self.norm = norm
        self.stages = _stage_maps(self, backbone, image_size)
        self.train()

    def forward(self, images: torch.Tensor) -> "OrderedDict[str, torch.Tensor]":
        """The map of each stage."""
        maps: OrderedDict[str, torch.Tensor] = OrderedDict()
        for name, layer in self.named_children():
            images = layer(images)
            if name in self.stage_names:
                maps[name] = images
        return maps

    def train(self: BodyT, mode: bool = True) -> BodyT:
        """Set the mode, but for what is frozen."""
        super().train(mode)
        hold_norms(self, self.norm)
        freeze(self._frozen_layers())
        return self

    def _frozen_layers(self) -> list[nn.Module]:
        frozen, num_parts = [], 1
        for name, layer in self.named_children():
            num_parts += name in self.stage_names
            if num_parts <= self.frozen_stages:
                frozen.append(layer)
        return frozen


def check_family(backbone: Variant) -> None:
    """Refuse a backbone that has no body for a detector.

    Raises:
        UnknownNameError: If there is no such backbone.
        PlacementError: If it is of another family.
    """
    family = family_of(backbone.name)
    if family.name not in FAMILIES:
        raise PlacementError(
            f"a detector stands on a backbone of the families {' and '.join(FAMILIES)}; "
            f"got {backbone.name!r}, which is of {family.name}"
        )


def _stage_names(backbone: Variant) -> tuple[str, ...]:
    # Of the plain backbone, whose layers a family knows, and without memory for weights.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        plain = create_backbone(backbone, in_channels=3, num_classes=1)
    return tuple(stage.name for stage in family_of(backbone.name).stages(plain))


def _stage_maps(body: Body, backbone: Variant, image_size: tuple[int, int]) -> tuple[StageMap, ...]:
    with torch.no_grad():
        maps = body.eval()(torch.zeros(1, 3, *image_size))
    strides = [round(image_size[0] / stage_map.shape[2]) for stage_map in maps.values()]
    if strides != [strides[0] * 2**index for index in range(len(strides))] or strides[0] & (strides[0] - 1):
        raise SpecError(
            "a detector's pyramid needs maps that halve from stage to stage, at strides that are powers of two; "
            f"{backbone} has the strides {', '.join(map(str, strides))}"
        )
    return tuple(
        StageMap(name=name, channels=stage_map.shape[1], stride=stride)
        for (name, stage_map), stride in zip(maps.items(), strides, strict=True)
    )
