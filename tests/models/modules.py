"""Attention modules that show where they stand, and the smallest backbones of every family."""

import torch
from torch import nn

from attnbench.attention import register_attention
from attnbench.models import BuiltModel, build_model
from attnbench.models.backbones import family_of
from attnbench.models.families import FAMILIES

SMALLEST = {
    "cifar-resnet": "cifar-resnet:depth=14,width=8,zero_init_last=false",
    "resnet": "test_resnet:drop_path_rate=0.5,zero_init_last=false",
    "regnet": "regnety_002:drop_path_rate=0.5,zero_init_last=false",
    "efficientnet": "mobilenetv3_small_050:drop_path_rate=0.5",
    "convnext": "test_convnext:drop_path_rate=0.5",
    "shufflenet": "shufflenet_v2_x0_5",
}

TARGETS = [(family.name, target) for family in FAMILIES for target in family.targets if target != "conv"]


class Unchanged(nn.Module):
    """Gives back what it gets."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.num_calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.num_calls += 1
        return x


class Recorded(nn.Module):
    """Changes its map, and keeps a copy of what it got and gave."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(channels) + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.weight[:, None, None] + 1
        self.got, self.gave = x.detach().clone(), y.detach().clone()
        return y


def register_all() -> None:
    """Register them for one test; see `tests/conftest.py`."""
    register_attention("unchanged", placement="block")(Unchanged)
    register_attention("recorded", placement="block")(Recorded)


def built(backbone: str, attention: str, in_channels: int = 3) -> BuiltModel:
    """A model with ten classes for images of 64×64."""
    return build_model(backbone, attention, num_classes=10, in_channels=in_channels, image_size=(64, 64), seed=0)


def without_own(backbone: str) -> nn.Module:
    """The plain backbone with identities in place of its own attention modules."""
    model = built(backbone, "none").model
    for stage in family_of(backbone.partition(":")[0]).stages(model):
        for block in stage.blocks:
            if block.own_attention is not None:
                setattr(block.module, block.own_attention, nn.Identity())
    return model
