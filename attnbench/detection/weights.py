"""Weights of a classifier into the body of a detector."""

from collections.abc import Collection, Mapping
from pathlib import Path

import timm
import torch
from torch import nn

from attnbench.errors import CheckpointError, SpecError
from attnbench.models.backbones import family_of
from attnbench.models.checkpoint import load_checkpoint
from attnbench.variant import Variant

PRETRAINED = "timm"
"""The word for timm's own weights of a backbone."""

_CLASSIFIER = ("fc.",)


def load_body(body: nn.Module, weights: str, backbone: Variant, attention: Collection[str]) -> None:
    """Fill a body from a classifier's weights.

    A file must hold every weight of the body, those of attention modules among them, and nothing else but a
    classifier. timm's weights are of the plain backbone, so attention modules keep the weights that they start with.

    Args:
        body: The body.
        weights: ``timm`` or a checkpoint's file.
        backbone: The backbone.
        attention: Names of the attention modules in the body.

    Raises:
        SpecError: If timm has no such backbone.
        CheckpointError: If the weights cannot be read or loaded, or do not fit.
    """
    if weights == PRETRAINED:
        _load_pretrained(body, backbone, attention)
    else:
        load_checkpoint(body, Path(weights).expanduser(), without=_CLASSIFIER)


def _load_pretrained(body: nn.Module, backbone: Variant, attention: Collection[str]) -> None:
    prefixes = tuple(f"{name}." for name in attention)
    theirs = {name: value for name, value in _pretrained(backbone).items() if not name.startswith(prefixes)}
    ours = [name for name in body.state_dict() if not name.startswith(prefixes)]
    if absent := [name for name in ours if name not in theirs]:
        raise CheckpointError(f"timm's weights of {backbone.name} have no {absent[0]!r}, which the body has")
    body.load_state_dict({name: theirs[name] for name in ours}, strict=False)


def _pretrained(backbone: Variant) -> Mapping[str, torch.Tensor]:
    if family_of(backbone.name).name == "cifar-resnet":
        raise SpecError(f"timm has no weights of {backbone.name!r}; give a checkpoint's file, or start from scratch")
    try:
        model: nn.Module = timm.create_model(backbone.name, pretrained=True)
    except Exception as error:
        raise CheckpointError(f"timm's weights of {backbone.name} cannot be loaded: {error}") from error
    return model.state_dict()
