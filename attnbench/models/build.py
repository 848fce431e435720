"""A model from names: backbone and attention module put together."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from attnbench.attention import attention_settings
from attnbench.attention.registration import attention_placing
from attnbench.errors import ContractError, SpecError
from attnbench.models.backbones import check_target, create_backbone, family_of
from attnbench.models.placement import Place, place, take_out_own
from attnbench.models.probe import probe
from attnbench.variant import Variant

NO_ATTENTION = "none"


@dataclass(frozen=True, kw_only=True)
class BuiltModel:
    """A model, and what was put into it."""

    model: nn.Module
    """The backbone with its attention modules."""
    places: tuple[Place, ...] = ()
    """The attention modules, in the order of the backbone."""
    num_replaced: int = 0
    """Attention modules of the backbone's own that were taken out for them."""


def create_model(
    backbone: str,
    attention: str = NO_ATTENTION,
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: tuple[int, int] = (224, 224),
    seed: int = 0,
) -> nn.Module:
    """A backbone with an attention module, initialised from a seed.

    The backbone's own layers have the same initial weights for every attention
    module, so that variants of one seed differ in the attention alone. torch's
    global generator is left as it was.

    Args:
        backbone: ``resnet50``, ``cifar-resnet:depth=20``; see `attnbench list`.
        attention: ``none``, ``sge``, ``sge:groups=32,at=pre-add``; see `attnbench list`.
        num_classes: Outputs of the classifier.
        in_channels: Channels of the image.
        image_size: Height and width on which the model is probed once.
        seed: Seed of the initial weights.

    Raises:
        UnknownNameError: If there is no such backbone or attention module.
        SpecError: If a setting does not fit, or the backbone fails on an image of that size.
        PlacementError: If the backbone has no place for the module.
        ContractError: If the module fails on an image of that size or gives a wrong shape.
    """
    return build_model(
        backbone, attention, num_classes=num_classes, in_channels=in_channels, image_size=image_size, seed=seed
    ).model


def build_model(
    backbone: str, attention: str, *, num_classes: int, in_channels: int, image_size: tuple[int, int], seed: int
) -> BuiltModel:
    """What `create_model` makes, with where the attention modules stand."""
    network, variant = Variant.parse(backbone), Variant.parse(attention)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = create_backbone(network, in_channels=in_channels, num_classes=num_classes)
        built = _without(model, variant) if variant.name == NO_ATTENTION else _with(model, network, variant, seed)
        # Still under the seed: a module may size its weights by the first map it sees.
        probe(model, built.places, (in_channels, *image_size), backbone=backbone, attention=attention)
    return built


def _without(model: nn.Module, variant: Variant) -> BuiltModel:
    if variant.settings:
        raise SpecError(f"{NO_ATTENTION!r} has no settings; got {str(variant)!r}")
    return BuiltModel(model=model)


def _with(model: nn.Module, network: Variant, variant: Variant, seed: int) -> BuiltModel:
    entry, settings = attention_settings(variant)
    placing = attention_placing(variant)
    check_target(network, placing.at)
    family = family_of(network.name)
    # What stands after a stage besides the backbone's own attention, as BAM does, does not stand for it.
    is_addition = entry.placement == "stage" and placing.at == "stage"
    num_replaced = 0 if is_addition else take_out_own(family.stages(model))
    # Another stream than the backbone's, and the same for every module that starts by drawing equal shapes.
    torch.manual_seed(seed + 2**32)
    try:
        places = place(family, model, placing, partial(entry.module_class, **settings))
    except (SpecError, ContractError) as error:
        raise type(error)(f"{variant}: {error}") from error
    return BuiltModel(model=model, places=places, num_replaced=num_replaced)
