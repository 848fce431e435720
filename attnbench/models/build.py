"""A model from names: backbone and attention module put together."""

from functools import partial

import torch
from timm.models.resnet import ResNet

from attnbench.attention import attention_settings
from attnbench.errors import SpecError
from attnbench.models.backbones import create_backbone
from attnbench.models.placement import place, probe
from attnbench.variant import Variant

NO_ATTENTION = "none"


def create_model(
    backbone: str,
    attention: str = NO_ATTENTION,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: tuple[int, int] = (224, 224),
    seed: int = 0,
) -> ResNet:
    """A backbone with an attention module, initialised from a seed.

    The backbone's own layers have the same initial weights for every attention
    module, so that variants of one seed differ in the attention alone. torch's
    global generator is left as it was.

    Args:
        backbone: ``resnet50``, ``cifar-resnet:depth=20``; see `attnbench list`.
        attention: ``none``, ``sge``, ``sge:groups=32``; see `attnbench list`.
        num_classes: Outputs of the classifier.
        in_channels: Channels of the image.
        image_size: Height and width on which the model is probed once.
        seed: Seed of the initial weights.

    Raises:
        UnknownNameError: If there is no such backbone or attention module.
        SpecError: If a setting does not fit.
        PlacementError: If the backbone has no place for the module.
        ContractError: If the module fails on an image of that size or gives a wrong shape.
    """
    variant = Variant.parse(attention)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_backbone(Variant.parse(backbone), in_channels=in_channels, num_classes=num_classes)
        if variant.name == NO_ATTENTION:
            if variant.settings:
                raise SpecError(f"{NO_ATTENTION!r} has no settings; got {attention!r}")
            return model
        entry, settings = attention_settings(variant)
        # Another stream than the backbone's, and the same for every module that starts by drawing equal shapes.
        torch.manual_seed(seed + 2**32)
        places = place(model, entry.placement, partial(entry.module_class, **settings))
        # Still under the seed: a module may size its weights by the first map it sees.
        probe(model, places, (in_channels, *image_size), label=attention)
    return model
