"""How an attention module is named, found and made: the plug-in point.

A class joins with one decorator:

    @register_attention("gap-gate", placement="block")
    class GapGate(nn.Module):
        def __init__(self, channels: int, *, bias: bool = True) -> None: ...

Its keyword-only parameters are its settings. `block` and `stage` modules take
`channels` and keep the shape; `conv` modules take
`(in_channels, out_channels, *, stride, groups)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar, get_args

from torch import nn

from attnbench.errors import PlacementError
from attnbench.registry import Registry
from attnbench.variant import Scalar, Variant, check_settings

Placement: TypeAlias = Literal["block", "conv", "stage"]
"""Where a module enters a backbone.

`block`: at the end of each residual branch, after the last norm and before the
addition. `conv`: in place of a residual block's 3×3 convolution with its norm
and activation. `stage`: after each stage but the last.
"""

ModuleClass = TypeVar("ModuleClass", bound=type[nn.Module])

RESERVED: dict[Placement, tuple[str, ...]] = {"block": (), "stage": (), "conv": ("stride", "groups")}
"""Keyword parameters that attnbench passes itself, by placement; the others are settings."""


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
    """
    if placement not in get_args(Placement):
        raise PlacementError(f"placement must be one of {', '.join(get_args(Placement))}; got {placement!r}")

    def add(module_class: ModuleClass) -> ModuleClass:
        ATTENTION.register(name, AttentionEntry(module_class, placement))
        return module_class

    return add


def attention_settings(variant: Variant) -> tuple[AttentionEntry, dict[str, Scalar]]:
    """The registered class of a variant, and its settings as keyword arguments.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If a setting is unknown or of the wrong type.
    """
    entry = ATTENTION.get(variant.name)
    return entry, check_settings(entry.module_class, variant, reserved=RESERVED[entry.placement])
