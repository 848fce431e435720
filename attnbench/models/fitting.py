"""Which settings of an attention module fit a backbone: what tuning and ablations may propose."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import torch
from torch import nn

from attnbench.attention.registration import (
    ATTENTION,
    AttentionEntry,
    Placing,
    Position,
    attention_placing,
    attention_settings,
)
from attnbench.errors import PlacementError, SpecError
from attnbench.models.backbones import check_target, create_backbone, family_of
from attnbench.models.placement import place
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, SearchSpace, common_divisors
from attnbench.variant import Setting, Variant, settings_of

_MOST_STAGES = 5


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


def num_stages(backbone: Variant) -> int:
    """Stages of a backbone."""
    return len(family_of(backbone.name).stages(_network(backbone)))


def positions(attention: Variant, backbone: Variant) -> tuple[Position, ...]:
    """The values of `at` that a variant can have in a backbone, in its own `stages`; none for `conv` modules."""
    if ATTENTION.get(attention.name).placement == "conv":
        return ()
    stages = attention_placing(attention).stages
    return tuple(at for at in get_args(Position) if _has_place(backbone, Placing(at=at, stages=stages)))


def stage_subsets(backbone: Variant) -> tuple[tuple[int, ...], ...]:
    """Every choice of at least one stage, the smallest first.

    Raises:
        SpecError: If the backbone has too many stages to name every choice.
    """
    number = num_stages(backbone)
    if number > _MOST_STAGES:
        raise SpecError(
            f"{backbone} has {number} stages, and {2**number - 1} choices of them; name those to search with stages: "
            "[[1], [1, 2]] in a space file"
        )
    stages = range(1, number + 1)
    return tuple(chosen for size in stages for chosen in itertools.combinations(stages, size))


def fitted_space(space: SearchSpace, attention: Variant, backbone: Variant) -> dict[str, Domain]:
    """A space without the values that cannot be built in a backbone.

    `Divisors` become the choices that divide every channel count, at every place that the space itself searches;
    choices that the module refuses whatever its other settings are left out.

    Args:
        space: Settings of the module, `at` and `stages` among them.
        attention: The variant, whose settings are fixed.
        backbone: The backbone.

    Raises:
        SpecError: If nothing is left of a setting.
        PlacementError: If the backbone has no place for the module.
    """
    entry, fixed = attention_settings(attention)
    met = tuple(
        dict.fromkeys(meeting for placing in _placings(space, attention) for meeting in meetings(backbone, placing))
    )
    channels = tuple(count for meeting in met for count in meeting.channels)
    resolved: dict[str, Domain] = {
        name: common_divisors(domain, channels) if isinstance(domain, Divisors) else domain
        for name, domain in space.items()
    }
    trial_values = {name: _trial_values(domain) for name, domain in resolved.items() if name not in ("at", "stages")}
    for name, values in trial_values.items():
        domain = resolved[name]
        if not isinstance(domain, Choices):
            continue
        others = {other: others for other, others in trial_values.items() if other != name}
        fitting = tuple(value for value in values if _fits_somehow(entry, {**fixed, name: value}, others, met))
        if not fitting:
            raise SpecError(f"no value of {name} fits {attention.name} in {backbone}; tried {domain.values}")
        resolved[name] = replace(domain, values=fitting)
    return resolved


def published_default(attention: Variant, space: SearchSpace, backbone: Variant) -> Variant:
    """The module with its constructor's defaults, as near to them as the backbone's channel counts allow.

    A default that does not fit gives way to the largest searched value below it, or to the first.

    Args:
        attention: The variant, whose settings are kept.
        space: What `fitted_space` gave.
        backbone: The backbone.

    Raises:
        SpecError: If the defaults do not fit, and no setting of the space is to blame.
    """
    entry, fixed = attention_settings(attention)
    met = meetings(backbone, attention_placing(attention))
    if _fits(entry, fixed, met):
        return attention
    defaults = defaults_of(attention.name)
    nearest = {
        name: _nearest(defaults.get(name), domain.values)
        for name, domain in space.items()
        if isinstance(domain, Choices) and name in defaults and defaults[name] not in domain.values
    }
    if not nearest or not _fits(entry, {**fixed, **nearest}, met):
        raise SpecError(
            f"{attention} does not fit {backbone} with its defaults; name a variant to compare with that does"
        )
    return with_settings(attention, nearest)


def defaults_of(name: str) -> dict[str, Setting]:
    """The settings of a module and their defaults.

    Raises:
        UnknownNameError: If no such module is registered.
    """
    parameters = settings_of(ATTENTION.get(name).module_class)
    return {key: parameter.default for key, parameter in parameters.items() if parameter.default is not parameter.empty}


def with_settings(attention: Variant, settings: Mapping[str, Setting]) -> Variant:
    """A variant with further settings; those at the constructor's default are left out."""
    defaults = defaults_of(attention.name)
    further = {key: value for key, value in settings.items() if key not in defaults or defaults[key] != value}
    kept = {key: value for key, value in attention.settings if key not in settings}
    return Variant(attention.name, tuple(sorted({**kept, **further}.items())))


def _network(backbone: Variant) -> nn.Module:
    # Without memory for weights, and in milliseconds.
    with torch.random.fork_rng(devices=[]), torch.device("meta"):
        return create_backbone(backbone, in_channels=3, num_classes=2)


def _has_place(backbone: Variant, placing: Placing) -> bool:
    try:
        return bool(meetings(backbone, placing))
    except PlacementError:
        return False


def _placings(space: SearchSpace, attention: Variant) -> list[Placing]:
    own = attention_placing(attention)
    targets, stages = space.get("at"), space.get("stages")
    return [
        Placing(at=at, stages=chosen)  # type: ignore[arg-type]
        for at in (targets.values if isinstance(targets, Choices) else [own.at])
        for chosen in (stages.values if isinstance(stages, Choices) else [own.stages])
    ]


def _trial_values(domain: Domain) -> tuple[Setting, ...]:
    if isinstance(domain, Choices):
        return domain.values
    assert isinstance(domain, Integers | Floats)
    return (domain.low, domain.high)


def _fits_somehow(
    entry: AttentionEntry,
    settings: Mapping[str, Setting],
    others: Mapping[str, tuple[Setting, ...]],
    met: Iterable[Meeting],
) -> bool:
    return any(
        _fits(entry, {**settings, **dict(zip(others, values, strict=True))}, met)
        for values in itertools.product(*others.values())
    )


def _fits(entry: AttentionEntry, settings: Mapping[str, Setting], met: Iterable[Meeting]) -> bool:
    try:
        with torch.device("meta"):
            for meeting in met:
                entry.module_class(*meeting.channels, **dict(meeting.convolution), **settings)
    except Exception:  # whatever a user's constructor raises: it does not take these settings
        return False
    return True


def _nearest(default: Setting, values: tuple[Setting, ...]) -> Setting:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if not isinstance(default, int | float) or len(numbers) < len(values):
        return values[0]
    below = [number for number in numbers if number <= default]
    return max(below) if below else min(numbers)
