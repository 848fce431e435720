"""Backbones with attention modules in their places."""

from attnbench.models.backbones import backbone_names
from attnbench.models.build import NO_ATTENTION, create_model

__all__ = ["NO_ATTENTION", "backbone_names", "create_model"]
