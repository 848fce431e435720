"""How a data set is named, found and made.

A class joins with one decorator:

    @register_data("my-set")
    class MySet(ImageData):
        def __init__(self, *, root, recipe, seed, device, cropped: bool = True) -> None: ...

Its keyword-only parameters, but for the four that attnbench passes itself, are
its settings: ``my-set:cropped=false``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from attnbench.data.base import ImageData
from attnbench.registry import Registry
from attnbench.spec import Recipe
from attnbench.variant import Variant, check_settings

DataClass = TypeVar("DataClass", bound=type[ImageData])

RESERVED = ("root", "recipe", "seed", "device")
"""Parameters that attnbench passes itself; the others are settings."""

DATA: Registry[type[ImageData]] = Registry("data set")
"""Every data set by name."""


def register_data(name: str) -> Callable[[DataClass], DataClass]:
    """Class decorator that adds a data set to the registry.

    Args:
        name: Name in variants: ``name:setting=value``.

    Raises:
        DuplicateNameError: If the name is taken.
    """

    def add(data_class: DataClass) -> DataClass:
        DATA.register(name, data_class)
        return data_class

    return add


def build_data(data: str, *, root: str | None, recipe: Recipe, seed: int, device: torch.device) -> ImageData:
    """Make a data set; nothing is read before `setup`.

    Args:
        data: The data set with its settings: ``cluttered-digits:clutter=12``.
        root: Folder of the data set, where it has one.
        recipe: Batch size and augmentation.
        seed: Seed of order and augmentation.
        device: Where the batches are wanted.

    Raises:
        UnknownNameError: If no such data set is registered.
        SpecError: If a setting is unknown, of the wrong type or not allowed.
    """
    variant = Variant.parse(data)
    data_class = DATA.get(variant.name)
    settings = check_settings(data_class, variant, reserved=RESERVED)
    folder = None if root is None else Path(root).expanduser()
    return data_class(root=folder, recipe=recipe, seed=seed, device=device, **settings)
