"""Cluttered digits: the embedded data set, made on the machine from digits that scikit-learn brings along."""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.data.base import SPLITS, Objects, Split
from attnbench.data.cache import cache_folder, cached_arrays
from attnbench.data.digit_scenes import MIN_SIZE, VERSION, Scenes, draw_scenes
from attnbench.data.in_memory import Images, InMemoryData
from attnbench.data.registration import register_data
from attnbench.data.splits import complement, stratified
from attnbench.errors import SpecError
from attnbench.spec import Recipe

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""Names of the classes, in the order of the labels."""
MAX_SIZE = 512
MAX_CLUTTER = 64
_PARTS = ("pixels", "labels", "sources", "boxes", "masks")


@register_data("cluttered-digits")
class ClutteredDigits(InMemoryData):
    """One whole handwritten digit, somewhere among fragments of others and noise.

    Training, validation and test images come from disjoint source digits. The
    images depend on the settings alone, never on the run's seed.
    """

    description = "a real digit at a random place among fragments of others, with masks; made here, nothing to download"

    def __init__(
        self,
        *,
        root: Path | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        size: int = 28,
        clutter: int = 8,
        noise: float = 16.0,
        train_images: int = 10_000,
        validation_images: int = 2_000,
        test_images: int = 5_000,
        data_seed: int = 0,
    ) -> None:
        """Plan the images; they are made by `setup`, and cached.

        Args:
            root: Must be none: the set is not read from a folder.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            device: Where the images are held.
            size: Height and width of an image, pixels.
            clutter: Fragments of other digits in an image.
            noise: Standard deviation of the noise, grey levels of 255.
            train_images: Images of the training split.
            validation_images: Images of the validation split.
            test_images: Images of the test split.
            data_seed: Seed of the images.

        Raises:
            SpecError: If a setting is out of range.
        """
        super().__init__(root=root, recipe=recipe, seed=seed, device=device)
        if root is not None:
            raise SpecError(f"'cluttered-digits' is made, not read, and takes no root; got root={str(root)!r}")
        self.settings = {"size": size, "clutter": clutter, "noise": float(noise), "data_seed": data_seed}
        self._numbers: dict[Split, int] = {
            "train": train_images, "validation": validation_images, "test": test_images,
        }  # fmt: skip
        _in_range("size", size, MIN_SIZE, MAX_SIZE)
        _in_range("clutter", clutter, 0, MAX_CLUTTER)
        _in_range("noise", noise, 0, 255)
        _in_range("data_seed", data_seed, 0, 2**32 - 1)
        for split, number in self._numbers.items():
            _in_range(f"{split}_images", number, 1, 10_000_000)
        self._objects: dict[Split, Objects] = {}
        self._test_sources: NDArray[np.int64] | None = None

    def prepare_data(self) -> None:
        """Make the images once, so that processes started later find them in the cache."""
        self._scenes()

    def read(self) -> tuple[int, Mapping[Split, Images]]:
        """The images of each split, from the cache or made anew."""
        scenes = self._scenes()
        self._objects = {
            split: Objects(torch.from_numpy(scene.boxes), torch.from_numpy(scene.masks))
            for split, scene in scenes.items()
        }
        self._test_sources = scenes["test"].sources
        return len(CLASSES), {split: Images(scene.pixels, scene.labels) for split, scene in scenes.items()}

    def objects(self, split: Split) -> Objects:
        """Where the digit is in each image of a split, in the data set's order; known after `setup`."""
        self._after_setup()
        return self._objects[split]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The digits in words."""
        return CLASSES

    @property
    def test_sources(self) -> NDArray[np.int64] | None:
        """Of each test image the handwritten digit in it, by its place in scikit-learn's set."""
        self._after_setup()
        return self._test_sources

    @property
    def cache_file(self) -> Path:
        """Where the images are cached; the name is a hash of all they depend on."""
        content = msgspec.json.encode((VERSION, self.settings, self._numbers), order="deterministic")
        key = hashlib.sha256(content).hexdigest()[:16]
        return cache_folder() / f"cluttered-digits-{key}.npz"

    def _scenes(self) -> dict[Split, Scenes]:
        cached = _read_cache(self.cache_file, size=int(self.settings["size"]), numbers=self._numbers)
        if cached is not None:
            return cached
        scenes = self._draw()
        _write_cache(self.cache_file, scenes)
        return scenes

    def _draw(self) -> dict[Split, Scenes]:
        digits, labels = _source_digits()
        settings = self.settings
        scenes: dict[Split, Scenes] = {}
        for split, chosen in source_splits(labels).items():
            drawn = draw_scenes(
                digits[chosen],
                labels[chosen],
                num_images=self._numbers[split],
                size=int(settings["size"]),
                clutter=int(settings["clutter"]),
                noise=settings["noise"],
                seed=(int(settings["data_seed"]), SPLITS.index(split)),
            )
            scenes[split] = Scenes(drawn.pixels, drawn.labels, chosen[drawn.sources], drawn.boxes, drawn.masks)
        return scenes


def source_splits(labels: NDArray[np.int64]) -> dict[Split, NDArray[np.int64]]:
    """Indices of the source digits of each split: 60 % training, 15 % validation, 25 % test, stratified and fixed."""
    number = len(labels)
    test = stratified(labels, round(0.25 * number), seed=0)
    rest = complement(test, number)
    validation = rest[stratified(labels[rest], round(0.15 * number), seed=1)]
    return {"train": np.setdiff1d(rest, validation), "validation": validation, "test": test}


def _source_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    # Imported here: it takes a second, which only this data set needs to pay.
    from sklearn.datasets import load_digits

    bundle = load_digits()
    return bundle.images.astype(np.float32), bundle.target.astype(np.int64)


def _in_range(name: str, value: float, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SpecError(f"'cluttered-digits': {name} must lie in [{low}, {high}]; got {name}={value}")


def _read_cache(file: Path, *, size: int, numbers: Mapping[Split, int]) -> dict[Split, Scenes] | None:
    """What is cached, or none where the file is missing or damaged."""
    stored = cached_arrays(file, [f"{split}_{part}" for split in numbers for part in _PARTS])
    if stored is None:
        return None
    scenes: dict[Split, Scenes] = {}
    try:
        for split, number in numbers.items():
            bits = np.unpackbits(stored[f"{split}_masks"], count=number * size * size)
            scenes[split] = Scenes(
                pixels=stored[f"{split}_pixels"].reshape(number, 1, size, size),
                labels=stored[f"{split}_labels"].astype(np.int64).reshape(number),
                sources=stored[f"{split}_sources"].astype(np.int64).reshape(number),
                boxes=stored[f"{split}_boxes"].astype(np.int64).reshape(number, 4),
                masks=bits.view(np.bool_).reshape(number, size, size),
            )
    except (ValueError, TypeError):  # arrays of another shape or kind
        return None
    return scenes


def _write_cache(file: Path, scenes: Mapping[Split, Scenes]) -> None:
    arrays: dict[str, NDArray[np.generic]] = {}
    for split, scene in scenes.items():
        arrays[f"{split}_pixels"] = scene.pixels
        arrays[f"{split}_labels"] = scene.labels.astype(np.uint8)
        arrays[f"{split}_sources"] = scene.sources.astype(np.uint16)
        arrays[f"{split}_boxes"] = scene.boxes.astype(np.uint16)
        arrays[f"{split}_masks"] = np.packbits(scene.masks)
    # Without a cache all works, only slower: a folder that cannot be written is no error.
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}.", suffix=".tmp")
        try:
            with os.fdopen(handle, "wb") as opened:
                np.savez(opened, **arrays)  # type: ignore[arg-type]
            os.replace(temporary, file)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError:
        return
