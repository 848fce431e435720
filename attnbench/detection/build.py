"""A detector from names: body, feature pyramid, heads and attention module put together."""

from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import nn

from attnbench.attention import attention_settings
from attnbench.attention.registration import attention_placing
from attnbench.detection.body import Body, check_family
from attnbench.detection.pyramid import Pyramid, attend_levels
from attnbench.detection.registration import check_positive, detector_settings
from attnbench.detection.weights import load_body
from attnbench.detection_spec import Norm
from attnbench.errors import ContractError, PlacementError, SpecError
from attnbench.models.backbones import family_of
from attnbench.models.build import NO_ATTENTION, build_model
from attnbench.models.placement import Place, take_out_own
from attnbench.models.probe import probe
from attnbench.ranks import num_ranks
from attnbench.variant import Variant

_DIVISOR = 32  # torchvision pads images to multiples of it
_LARGEST_PROBE = 224


@dataclass(frozen=True, kw_only=True)
class BuiltDetector:
    """A detector, and what was put into it."""

    model: nn.Module
    """The detector, in training mode."""
    places: tuple[Place, ...] = ()
    """The attention modules, in the order of the body or of the pyramid's levels."""
    num_replaced: int = 0
    """Attention modules of the backbone's own that were taken out for them."""


def create_detector(
    detector: str,
    backbone: str = "resnet50",
    attention: str = NO_ATTENTION,
    *,
    num_classes: int,
    short_side: int = 800,
    long_side: int = 1333,
    frozen_stages: int = 0,
    norm: Norm = "train",
    weights: str | None = None,
    seed: int = 0,
) -> nn.Module:
    """A detector with an attention module, initialised from a seed.

    It has torchvision's protocol: in training mode `model(images, targets)` gives
    losses by name, in evaluation mode `model(images)` gives boxes, labels and scores (and
    masks) in the pixels of the images, which are lists of (3, H, W) in [0, 1].

    All layers but the attention modules have the same initial weights for every
    attention module. torch's global generator is left as it was.

    Args:
        detector: ``faster-rcnn``, ``mask-rcnn``, ``cascade-rcnn`` or ``retinanet``, with settings.
        backbone: A ResNet: ``resnet50``, ``cifar-resnet:depth=20,stem_stride=2``.
        attention: ``none``, ``sge``, ``sge:at=post-conv2``; with ``at=fpn`` it stands in the feature pyramid.
        num_classes: Classes without the background; labels are 1 to this.
        short_side: Pixels that an image's shorter side is resized to …
        long_side: … unless its longer side would have more than this.
        frozen_stages: Leading parts of the body that are not trained, batch norms included: 1 is the stem, 2 the stem
            and the first stage, and so on.
        norm: What becomes of the batch norms of the body and of attention modules: ``train`` trains them; ``eval``
            keeps their statistics; ``frozen`` their scales and shifts too; ``sync`` trains them over all ranks
            together.
        weights: Weights that the body starts from: ``timm``, or the file of a classifier's checkpoint.
        seed: Seed of the initial weights.

    Raises:
        UnknownNameError: If there is no such detector, backbone or attention module.
        SpecError: If a setting does not fit.
        PlacementError: If the backbone is no ResNet, or has no place for the module.
        ContractError: If the module fails or gives a wrong shape.
        CheckpointError: If the weights cannot be read or do not fit.
    """
    return build_detector(
        detector,
        backbone,
        attention,
        num_classes=num_classes,
        short_side=short_side,
        long_side=long_side,
        frozen_stages=frozen_stages,
        norm=norm,
        weights=weights,
        seed=seed,
    ).model


def build_detector(
    detector: str,
    backbone: str,
    attention: str,
    *,
    num_classes: int,
    short_side: int,
    long_side: int,
    frozen_stages: int = 0,
    norm: Norm = "train",
    weights: str | None = None,
    seed: int,
) -> BuiltDetector:
    """What `create_detector` makes, with where the attention modules stand."""
    entry, settings = detector_settings(Variant.parse(detector))
    network, variant = Variant.parse(backbone), Variant.parse(attention)
    check_family(network)
    check_positive(num_classes=num_classes, short_side=short_side, long_side=long_side)
    in_pyramid = variant.name != NO_ATTENTION and attention_placing(variant).at == "fpn"
    side = min(-(-short_side // _DIVISOR) * _DIVISOR, _LARGEST_PROBE)
    built = build_model(
        backbone,
        NO_ATTENTION if in_pyramid else attention,
        num_classes=1,
        in_channels=3,
        image_size=(side, side),
        seed=seed,
    )
    # Body, heads and attention draw from streams of their own, so that none depends on the others.
    with torch.random.fork_rng(devices=[]):
        num_replaced = built.num_replaced
        if in_pyramid and attention_settings(variant)[0].placement != "stage":
            num_replaced = take_out_own(family_of(network.name).stages(built.model))
        body = Body(built.model, network, image_size=(side, side), frozen_stages=frozen_stages, norm=norm)
        if weights is not None:
            load_body(body, weights, network, [place.name for place in built.places])
        torch.manual_seed(seed + 2**33)
        try:
            model = entry.create(body, num_classes=num_classes, short_side=short_side, long_side=long_side, **settings)
        except SpecError as error:
            raise SpecError(f"{detector}: {error}") from error
        places = tuple(replace(place, name=f"backbone.body.{place.name}") for place in built.places)
        if in_pyramid:
            torch.manual_seed(seed + 2**32)
            places = _attend_pyramid(model, variant, backbone=backbone, side=side)
    if norm == "sync" and num_ranks() > 1:
        nn.SyncBatchNorm.convert_sync_batchnorm(model.backbone)  # type: ignore[no-untyped-call]
    return BuiltDetector(model=model.train(), places=places, num_replaced=num_replaced)


def _attend_pyramid(model: nn.Module, variant: Variant, *, backbone: str, side: int) -> tuple[Place, ...]:
    pyramid = model.backbone
    if not isinstance(pyramid, Pyramid):
        raise PlacementError(f"{variant}: this detector has no feature pyramid of attnbench's")
    entry, settings = attention_settings(variant)
    try:
        places = attend_levels(pyramid, attention_placing(variant).stages, partial(entry.module_class, **settings))
    except (SpecError, ContractError) as error:
        raise type(error)(f"{variant}: {error}") from error
    probe(pyramid, places, (3, side, side), backbone=backbone, attention=str(variant))
    return tuple(replace(place, name=f"backbone.{place.name}") for place in places)
