"""COCO 2017 (https://cocodataset.org), and any folder of images with annotations in its format."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnbench.data.base import Split
from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.base import DetectionData, DetectionSplit, LoadedDetection
from attnbench.data.detection.coco_json import read_annotations
from attnbench.data.detection.examples import FileImages
from attnbench.data.detection.registration import register_detection_data
from attnbench.detection_spec import DetectionRecipe
from attnbench.errors import DataError, SpecError

COCO_2017 = ("annotations/instances_train2017.json", "annotations/instances_val2017.json")
"""Files of annotations that are read if no others are named."""

_HELD_OUT_SEED = 0


@register_detection_data("coco")
class Coco(DetectionData):
    """Training and test images with annotations in COCO's format.

    The images of ``annotations/instances_train2017.json`` lie in
    ``train2017/``; `image_folders` says where else they are looked for.
    """

    description = "COCO 2017, or your own images with annotations in its format; needs --root"

    def __init__(
        self,
        *,
        root: Path | None,
        annotations: tuple[str, str] | None,
        recipe: DetectionRecipe,
        seed: int,
        masks: bool,
        validation_images: int = 0,
        workers: int = 0,
    ) -> None:
        """Plan the reading.

        Args:
            root: Folder of the data set.
            annotations: Files of the training and of the test annotations within it; none for those of COCO 2017.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            masks: Whether targets hold masks.
            validation_images: Training images to hold out for validation, a fixed choice.
            workers: Processes that read images; 0 reads in the process that trains.

        Raises:
            SpecError: If a setting is out of range.
        """
        super().__init__(root=root, annotations=annotations, recipe=recipe, seed=seed, masks=masks)
        for name, value in (("validation_images", validation_images), ("workers", workers)):
            if value < 0:
                raise SpecError(f"'coco': {name} must be at least 0; got {name}={value}")
        self.validation_images = validation_images
        self.workers = workers

    def load(self) -> LoadedDetection:
        """Read the annotations, and look for the images' files.

        Raises:
            DataError: If a file or all images are missing, or the two files' categories differ.
            SpecError: If more validation images are wanted than leave one to train on.
        """
        if self.root is None:
            raise DataError("'coco' needs a root: name the folder of images and annotations with --root")
        train_file, test_file = (self.root / name for name in self.annotation_files or COCO_2017)
        (train, train_faults), (test, test_faults) = (self._read(file) for file in (train_file, test_file))
        if train.annotations.classes != test.annotations.classes:
            differing = sorted(set(train.annotations.classes) ^ set(test.annotations.classes))
            raise DataError(
                f"{train_file} and {test_file} must list the same categories in the same order of ids; "
                f"got {', '.join(differing[:5]) or 'another order'}"
            )
        splits: dict[Split, DetectionSplit] = {"train": train, "test": test}
        if self.validation_images:
            splits |= self._held_out(train)
        return LoadedDetection(splits=splits, faults=dict(Counter(train_faults) + Counter(test_faults)))

    def _read(self, file: Path) -> tuple[DetectionSplit, dict[str, int]]:
        assert self.root is not None
        annotations, faults = read_annotations(file)
        folders = list(image_folders(self.root, file))
        found = {folder: _existing(folder, annotations) for folder in folders}
        folder = max(folders, key=lambda folder: int(found[folder].sum()))  # the first of several
        self._check_names(annotations, folder, file)
        there = np.flatnonzero(found[folder])
        if len(there) == 0:
            raise DataError(
                f"none of the {annotations.num_images} images that {file} lists is there, such as "
                f"{annotations.file_names[0]}; looked in {', '.join(map(str, folders))}"
            )
        if missing := annotations.num_images - len(there):
            faults["missing_file"] = missing
            annotations = annotations.chosen(there)
        return _split_of(annotations, folder), faults

    def _check_names(self, annotations: Annotations, folder: Path, file: Path) -> None:
        """Refuse to read files that somebody else's annotations name anywhere on the machine."""
        allowed = [Path(os.path.abspath(place)) for place in (self.root or folder, folder)]
        for name in annotations.file_names:
            path = Path(os.path.abspath(image_file(folder, name)))
            if not any(path.is_relative_to(place) for place in allowed):
                raise DataError(f"{file}: an image's file name must stay within the root {self.root}; got {name!r}")

    def _held_out(self, train: DetectionSplit) -> dict[Split, DetectionSplit]:
        number = train.annotations.num_images
        if self.validation_images >= number:
            raise SpecError(
                f"validation_images must lie in [0, {number}), so that images to train on are left; "
                f"got validation_images={self.validation_images}"
            )
        order = np.random.RandomState(_HELD_OUT_SEED).permutation(number)
        parts: dict[Split, NDArray[np.int64]] = {
            "train": order[self.validation_images :], "validation": order[: self.validation_images],
        }  # fmt: skip
        assert isinstance(train.images, FileImages)
        paths = train.images.paths
        splits: dict[Split, DetectionSplit] = {}
        for split, part in parts.items():
            chosen = np.sort(part).astype(np.int64)
            annotations = train.annotations.chosen(chosen)
            images = FileImages([paths[index] for index in chosen], annotations.sizes)
            splits[split] = DetectionSplit(images=images, annotations=annotations)
        return splits


def image_folders(root: Path, file: Path) -> Iterator[Path]:
    """Folders in which the images of a file of annotations are looked for; the one with most of them is taken.

    Args:
        root: Folder of the data set.
        file: File of annotations, such as ``annotations/instances_train2017.json`` for ``train2017``.
    """
    name = file.stem.removeprefix("instances_")
    yield from (root / name, root, root / "images", root / "images" / name, file.parent)


def image_file(folder: Path, name: str) -> Path:
    """The file of an image, given its name in the annotations.

    ``..`` is taken by the letter: what a link in the folder points to does not matter.
    """
    return Path(os.path.normpath(folder / name))


def _existing(folder: Path, annotations: Annotations) -> NDArray[np.bool_]:
    """Which images have a file in a folder, bool (num_images,)."""
    # By listing: asking for each of 100,000 files takes minutes on a network's disk.
    listed: dict[Path, set[str]] = {}
    found = []
    for file_name in annotations.file_names:
        path = image_file(folder, file_name)
        if path.parent not in listed:
            listed[path.parent] = set(os.listdir(path.parent)) if path.parent.is_dir() else set()
        found.append(path.name in listed[path.parent])
    return np.array(found, dtype=np.bool_)


def _split_of(annotations: Annotations, folder: Path) -> DetectionSplit:
    paths = [image_file(folder, name) for name in annotations.file_names]
    return DetectionSplit(images=FileImages(paths, annotations.sizes), annotations=annotations)
