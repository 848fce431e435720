"""How a detector is named, found and made.

A detector is a function of a backbone's body that returns a module with
torchvision's protocol. It joins with one decorator:

    @register_detector("my-detector", has_masks=False)
    def my_detector(body: Body, *, num_classes, short_side, long_side, regions: int = 512) -> nn.Module: ...

Its keyword-only parameters, but for the three that attnbench passes itself, are
its settings: ``my-detector:regions=64``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from attnbench.errors import SpecError
from attnbench.registry import Registry
from attnbench.variant import Setting, Variant, check_settings

Create = TypeVar("Create", bound=Callable[..., nn.Module])

RESERVED = ("num_classes", "short_side", "long_side")
"""Parameters that attnbench passes itself; the others are settings."""


@dataclass(frozen=True)
class DetectorEntry:
    """A registered detector."""

    create: Callable[..., nn.Module]
    """Makes one from a body, the number of classes, the sides that images are resized to, and the settings."""
    has_masks: bool
    """Whether it gives a mask for each box, and learns from masks."""


DETECTORS: Registry[DetectorEntry] = Registry("detector", entry_point_group="attnbench.detectors")
"""Every detector by name."""


def register_detector(name: str, *, has_masks: bool) -> Callable[[Create], Create]:
    """Function decorator that adds a detector to the registry.

    Args:
        name: Name in variants: ``name:setting=value``.
        has_masks: Whether it gives masks.

    Raises:
        DuplicateNameError: If the name is taken.
    """

    def add(create: Create) -> Create:
        DETECTORS.register(name, DetectorEntry(create, has_masks))
        return create

    return add


def detector_settings(variant: Variant) -> tuple[DetectorEntry, dict[str, Setting]]:
    """The registered detector of a variant, and its settings as keyword arguments.

    Raises:
        UnknownNameError: If no such detector is registered.
        SpecError: If a setting is unknown or of the wrong type.
    """
    entry = DETECTORS.get(variant.name)
    return entry, check_settings(entry.create, variant, reserved=RESERVED)


def has_masks(detector: str) -> bool:
    """Whether a detector gives masks.

    Args:
        detector: The detector with its settings: ``mask-rcnn:regions=64``.

    Raises:
        UnknownNameError: If no such detector is registered.
    """
    return DETECTORS.get(Variant.parse(detector).name).has_masks


def check_positive(**settings: int) -> None:
    """Hold settings that count something to at least 1.

    Raises:
        SpecError: If one is less.
    """
    for name, value in settings.items():
        if value < 1:
            raise SpecError(f"{name} must be at least 1; got {name}={value}")


def check_fraction(**settings: float) -> None:
    """Hold settings that are a part of a whole to [0, 1].

    Raises:
        SpecError: If one is outside.
    """
    for name, value in settings.items():
        if not 0 <= value <= 1:
            raise SpecError(f"{name} must be in [0, 1]; got {name}={value}")
