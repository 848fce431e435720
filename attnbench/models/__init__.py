"""Backbones with attention modules in their places."""

from attnbench.models.backbones import backbone_names
from attnbench.models.build import NO_ATTENTION, BuiltModel, build_model, create_model
from attnbench.models.checkpoint import load_checkpoint, save_weights

__all__ = [
    "NO_ATTENTION",
    "BuiltModel",
    "backbone_names",
    "build_model",
    "create_model",
    "load_checkpoint",
    "save_weights",
]
