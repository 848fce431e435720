"""Families of backbones, one a file: how each is made, and where attention modules can stand in it."""

from attnbench.models.anatomy import Family
from attnbench.models.families.convnext import CONVNEXT
from attnbench.models.families.efficientnet import EFFICIENTNET
from attnbench.models.families.regnet import REGNET
from attnbench.models.families.resnet import CIFAR_RESNET, RESNET
from attnbench.models.families.shufflenet import SHUFFLENET

FAMILIES: tuple[Family, ...] = (CIFAR_RESNET, RESNET, REGNET, EFFICIENTNET, CONVNEXT, SHUFFLENET)
"""Every family, in the order in which they are listed."""

__all__ = ["FAMILIES"]
