"""What the attention modules of a backbone are made with, and whether a module takes that."""

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import nn

from attnbench.attention.registration import AttentionEntry, Placing
from attnbench.errors import PlacementError, SpecError
from attnbench.models.backbones import check_target, create_backbone, family_of
from attnbench.models.placement import place
from attnbench.variant import Setting, Variant

_MOST_TRIALS = 4096


@dataclass(frozen=True)
class Meeting:
    """What one attention module of a backbone is made with."""

    channels: tuple[int, ...]
    """`channels`, or for `conv` modules `in_channels` and `out_channels`."""
    convolution: tuple[tuple[str, int], ...] = ()
    """Stride and groups of the convolution that a `conv` module replaces."""


def meetings(backbone: Variant, placing: Placing) -> tuple[Meeting, ...]:
    """What each attention module of a backbone would be made with, at these places.

    Raises:
        UnknownNameError: If there is no such backbone.
        PlacementError: If the backbone has no such place.
        SpecError: If it has no such stage.
    """
    check_target(backbone, placing.at)
    found: list[Meeting] = []

    def note(*channels: int, **convolution: int) -> nn.Module:
        found.append(Meeting(channels, tuple(convolution.items())))
        return nn.Identity()

    place(family_of(backbone.name), _network(backbone), placing, note)
    return tuple(found)


@lru_cache(maxsize=256)
def num_stages(backbone: Variant) -> int:
    """Stages of a backbone."""
    return len(stage_names(backbone))


def stage_names(backbone: Variant) -> tuple[str, ...]:
    """Names of a backbone's stages in the model, in order.

    >>> stage_names(Variant.parse("resnet18"))
    ('layer1', 'layer2', 'layer3', 'layer4')
    """
    return tuple(stage.name for stage in family_of(backbone.name).stages(_network(backbone)))


@lru_cache(maxsize=256)
def meetings_if_any(backbone: Variant, placing: Placing) -> tuple[Meeting, ...]:
    """Meetings, each once; none where the backbone has no such place."""
    try:
        return tuple(dict.fromkeys(meetings(backbone, placing)))
    except PlacementError:
        return ()


def refusal_of(entry: AttentionEntry, settings: Mapping[str, Setting], met: Iterable[Meeting]) -> Exception | None:
    """Why a module cannot be made with these settings; whatever its constructor raises, it does not take them."""
    for meeting in met:
        make = partial(entry.module_class, *meeting.channels, **dict(meeting.convolution), **settings)
        with torch.random.fork_rng(devices=[]):
            try:
                with torch.device("meta"):  # without memory for weights
                    make()
            except SpecError as error:
                return error
            except Exception:
                try:
                    make()  # it may compute with values, which are not there on the meta device
                except Exception as error:
                    return error
    return None


def refusal_of_all(
    entry: AttentionEntry,
    settings: Mapping[str, Setting],
    others: Mapping[str, tuple[Setting, ...]],
    met: Collection[Meeting],
) -> Exception | None:
    """Why these settings do not fit, whatever the others are; none where they do, or there are too many to tell."""
    refusal = None
    combinations = itertools.product(*others.values())
    for values in itertools.islice(combinations, _MOST_TRIALS):
        refusal = refusal_of(entry, {**settings, **dict(zip(others, values, strict=True))}, met)
        if refusal is None:
            return None
    return refusal if next(combinations, None) is None else None


def _network(backbone: Variant) -> nn.Module:
    make = partial(create_backbone, backbone, in_channels=3, num_classes=2)
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):  # without memory for weights, and in milliseconds
                return make()
        except NotImplementedError:
            # RegNets and ConvNeXts of timm before 1.0.30 compute with values, which are not there.
            return make()
