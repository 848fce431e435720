"""The networks that attention modules are put into, by name."""

from torch import nn

from attnbench.attention.registration import Target
from attnbench.errors import PlacementError, UnknownNameError
from attnbench.models.anatomy import Family
from attnbench.models.families import FAMILIES
from attnbench.registry import did_you_mean
from attnbench.variant import Variant, check_settings

RESERVED = ("in_channels", "num_classes")
"""Parameters that attnbench passes itself; the others are settings."""


def backbone_names() -> list[str]:
    """Names of the backbones, sorted."""
    return sorted(name for family in FAMILIES for name in family.names())


def family_of(name: str) -> Family:
    """The family that a backbone belongs to.

    Raises:
        UnknownNameError: If there is no such backbone.
    """
    for family in FAMILIES:
        if name in family.names():
            return family
    raise UnknownNameError(f"unknown backbone {name!r}; {did_you_mean(name, backbone_names())}")


def create_backbone(backbone: Variant, *, in_channels: int, num_classes: int) -> nn.Module:
    """A backbone without attention of ours, freshly initialised from torch's global generator.

    Raises:
        UnknownNameError: If there is no such backbone.
        SpecError: If a setting is unknown, of the wrong type or out of range.
    """
    create = family_of(backbone.name).create
    settings = check_settings(create, backbone, reserved=RESERVED)
    return create(backbone.name, in_channels=in_channels, num_classes=num_classes, **settings)


def check_target(backbone: Variant, target: Target) -> None:
    """Refuse a place that a backbone's family does not have.

    Raises:
        UnknownNameError: If there is no such backbone.
        PlacementError: If it has no such place; the message names those it has, and the families that have this one.
    """
    family = family_of(backbone.name)
    if target == "fpn":
        raise PlacementError(
            f"{backbone.name} takes no module at 'fpn': the feature pyramid is a detector's; it takes them at "
            f"{', '.join(family.targets)}"
        )
    if target not in family.refused:
        return
    others = ", ".join(other.name for other in FAMILIES if target in other.targets)
    raise PlacementError(
        f"{backbone.name} takes no module at {target!r}: {family.refused[target]}; it takes them at "
        f"{', '.join(family.targets)}, and {target!r} is taken by backbones of {others}"
    )
