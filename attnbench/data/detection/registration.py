"""How a detection data set is named, found and made.

A class joins with one decorator:

    @register_detection_data("my-set")
    class MySet(DetectionData):
        def __init__(self, *, root, annotations, recipe, seed, masks, size: int = 192) -> None: ...

Its keyword-only parameters, but for the five that attnbench passes itself, are
its settings: ``my-set:size=256``. A setting `workers` is the number of processes that
read images; no result may depend on it, and it is no part of a run's digest.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from attnbench.data.detection.base import DetectionData
from attnbench.detection_spec import DetectionRecipe
from attnbench.registry import Registry
from attnbench.variant import Variant, check_settings

DataClass = TypeVar("DataClass", bound=type[DetectionData])

RESERVED = ("root", "annotations", "recipe", "seed", "masks")
"""Parameters that attnbench passes itself; the others are settings."""

DETECTION_DATA: Registry[type[DetectionData]] = Registry("detection data set")
"""Every detection data set by name."""


def register_detection_data(name: str) -> Callable[[DataClass], DataClass]:
    """Class decorator that adds a detection data set to the registry.

    Args:
        name: Name in variants: ``name:setting=value``.

    Raises:
        DuplicateNameError: If the name is taken.
    """

    def add(data_class: DataClass) -> DataClass:
        DETECTION_DATA.register(name, data_class)
        return data_class

    return add


def build_detection_data(
    data: str,
    *,
    root: str | None,
    annotations: tuple[str, str] | None,
    recipe: DetectionRecipe,
    seed: int,
    masks: bool = True,
) -> DetectionData:
    """Make a detection data set; nothing is read before `setup`.

    Args:
        data: The data set with its settings: ``cluttered-scenes:size=256``.
        root: Folder of the data set, where it has one.
        annotations: Files of the training and of the test annotations; none for the usual ones.
        recipe: Batch size and augmentation.
        seed: Seed of order and augmentation.
        masks: Whether targets hold masks; a detector without them need not wait for their drawing.

    Raises:
        UnknownNameError: If no such data set is registered.
        SpecError: If a setting is unknown, of the wrong type or not allowed.
    """
    variant = Variant.parse(data)
    data_class = DETECTION_DATA.get(variant.name)
    settings = check_settings(data_class, variant, reserved=RESERVED)
    folder = None if root is None else Path(root).expanduser()
    return data_class(root=folder, annotations=annotations, recipe=recipe, seed=seed, masks=masks, **settings)
