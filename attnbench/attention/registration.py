"""How an attention module is named, found and made: the plug-in point.

A class joins with one decorator:

    @register_attention("gap-gate", placement="block")
    class GapGate(nn.Module):
        def __init__(self, channels: int, *, bias: bool = True) -> None: ...

Its keyword-only parameters are its settings. `block` and `stage` modules take
`channels` and keep the shape; `conv` modules take
`(in_channels, out_channels, *, stride, groups)`. Two settings are attnbench's
own: `at`, where a `block` or `stage` module stands, and `stages`, in which.
What a search may try is declared beside the constructor; see `declared_space`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar, get_args

from torch import nn

from attnbench.attention.declared_space import check_declared_space
from attnbench.errors import ContractError, PlacementError, SpecError
from attnbench.registry import Registry, did_you_mean
from attnbench.variant import Setting, Variant, check_settings, format_setting

Placement: TypeAlias = Literal["block", "conv", "stage"]
"""Where a module enters a backbone.

`block`: at the end of each residual branch, after the last norm and before the
addition. `conv`: in place of a residual block's 3×3 convolution with its norm
and activation. `stage`: after each stage but the last. `block` and `stage`
modules go elsewhere by the setting `at`.
"""

Position: TypeAlias = Literal["post-bn3", "pre-add", "post-add", "post-conv2", "pre-branch", "shortcut", "stage"]
"""Where a module stands, the values of `at`.

`post-bn3`: at the end of the residual branch, after its last norm, before
stochastic depth and the addition. `pre-add`: after stochastic depth, right
before the addition. `post-add`: after the addition and its activation.
`post-conv2`: after the spatial convolution with its norm and activation.
`pre-branch`: before the branch's first convolution, the shortcut untouched.
`shortcut`: on the shortcut, after its downsampling where there is one.
`stage`: after a stage; after each but the last by default.
"""

PyramidPosition: TypeAlias = Literal["fpn"]
"""The value of `at` for a detector: after the output convolution of each level of its feature pyramid."""

Target: TypeAlias = Position | Literal["conv"] | PyramidPosition
"""A position, or the convolutions that `conv` modules replace."""

TARGETS: tuple[Target, ...] = (*get_args(Position), "conv")
"""Every target in a backbone, in the order in which they are listed."""

DEFAULT_TARGET: dict[Placement, Target] = {"block": "post-bn3", "conv": "conv", "stage": "stage"}
"""Where a module stands without the setting `at`, by placement."""

ModuleClass = TypeVar("ModuleClass", bound=type[nn.Module])

RESERVED: dict[Placement, tuple[str, ...]] = {"block": (), "stage": (), "conv": ("stride", "groups")}
"""Keyword parameters that attnbench passes itself, by placement; the others are settings."""

PLACING_SETTINGS = {
    "at": inspect.Parameter("at", inspect.Parameter.KEYWORD_ONLY, annotation=str),
    "stages": inspect.Parameter(
        "stages", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=int | tuple[int, ...] | None
    ),
}
"""Settings of every module that attnbench takes itself; `conv` modules have no `at`."""


@dataclass(frozen=True, kw_only=True)
class Placing:
    """Where the modules of a variant go."""

    at: Target
    """What they stand at."""
    stages: tuple[int, ...] | None = None
    """Stages that get them, counted from 1; none: those the target has by default."""


@dataclass(frozen=True)
class AttentionEntry:
    """A registered class and where it goes."""

    module_class: Callable[..., nn.Module]
    """Called with the channels and the settings."""
    placement: Placement
    """Where its instances enter a backbone."""


ATTENTION: Registry[AttentionEntry] = Registry("attention module", entry_point_group="attnbench.attention")
"""Every attention module by name."""


def register_attention(name: str, *, placement: Placement) -> Callable[[ModuleClass], ModuleClass]:
    """Class decorator that adds an attention module to the registry.

    Args:
        name: Name in variants: ``name:setting=value``.
        placement: Where the module enters a backbone.

    Raises:
        DuplicateNameError: If the name is taken.
        PlacementError: If there is no such placement.
        ContractError: If the class has a parameter that attnbench takes itself, or declares a `search_space` that
            does not fit its constructor.
    """
    if placement not in get_args(Placement):
        raise PlacementError(f"placement must be one of {', '.join(get_args(Placement))}; got {placement!r}")

    def add(module_class: ModuleClass) -> ModuleClass:
        if taken := sorted(PLACING_SETTINGS.keys() & inspect.signature(module_class).parameters):
            raise ContractError(
                f"a module may not have a parameter named {' or '.join(PLACING_SETTINGS)}, which say where it stands; "
                f"got {taken[0]!r} in {name!r}"
            )
        check_declared_space(name, module_class, RESERVED[placement])
        ATTENTION.register(name, AttentionEntry(module_class, placement))
        return module_class

    return add


def attention_settings(variant: Variant) -> tuple[AttentionEntry, dict[str, Setting]]:
    """The registered class of a variant, and its settings as keyword arguments.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If a setting is unknown or of the wrong type.
    """
    entry = ATTENTION.get(variant.name)
    beside = {name: setting for name, setting in PLACING_SETTINGS.items() if entry.placement != "conv" or name != "at"}
    settings = check_settings(entry.module_class, variant, reserved=RESERVED[entry.placement], beside=beside)
    return entry, {name: value for name, value in settings.items() if name not in PLACING_SETTINGS}


def attention_placing(variant: Variant) -> Placing:
    """Where a variant's modules go: its settings `at` and `stages`, else the default of its placement.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If there is no such position, or the stages do not increase from at least 1.
    """
    entry, _ = attention_settings(variant)
    settings = dict(variant.settings)
    at = settings.get("at")
    positions = (*get_args(Position), *get_args(PyramidPosition))
    target = next((position for position in positions if position == at), None)
    if at is not None and target is None:
        raise SpecError(
            f"{variant.name!r}: unknown position at={format_setting(at)}; {did_you_mean(str(at), positions)}"
        )
    given = settings.get("stages")
    stages = (given,) if isinstance(given, int) else given
    assert stages is None or isinstance(stages, tuple)
    if stages is not None and list(stages) != sorted({stage for stage in stages if stage >= 1}):
        raise SpecError(
            f"{variant.name!r}: stages must increase and are counted from 1; got stages={format_setting(stages)}"
        )
    return Placing(at=target or DEFAULT_TARGET[entry.placement], stages=stages)
