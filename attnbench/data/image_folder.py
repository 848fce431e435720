"""Folders of images, one folder a class: ImageNet's layout, and anyone's own pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from attnbench.data.base import ImageData, Loaded, Split
from attnbench.data.folder_loader import FolderLoader, ImageFiles, Transform
from attnbench.data.registration import register_data
from attnbench.data.splits import hold_out
from attnbench.errors import DataError, SpecError
from attnbench.preparation import Preparation
from attnbench.spec import Recipe

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet's channels, of which 1 is white."""

_Files = Sequence[tuple[str, int]]


@register_data("folder")
class ImageFolderData(ImageData):
    """``train/`` and ``val/`` with one folder a class, and maybe ``test/``.

    With ``test/``, ``val/`` is the validation split. Without it ``val/`` is the
    test split, and a fixed, stratified part of ``train/`` is the validation
    split. Training crops a random part and mirrors if the recipe says so;
    evaluation crops the middle. Images are normalised by ImageNet's statistics.
    """

    description = "your own images: a folder with train/ and val/ (and test/), one folder a class; needs --root"

    def __init__(
        self,
        *,
        root: Path | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        image_size: int = 224,
        crop_ratio: float = 0.875,
        validation_fraction: float = 0.1,
        workers: int = 0,
    ) -> None:
        """Plan the reading.

        Args:
            root: Folder of ``train/`` and ``val/``.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            device: Where the batches are wanted.
            image_size: Height and width of an image, pixels.
            crop_ratio: Share of the shorter side that the middle crop keeps in evaluation.
            validation_fraction: Share of ``train/`` to validate on where there is no ``test/``.
            workers: Processes that read images; 0 reads in the process that trains.

        Raises:
            SpecError: If a setting is out of range, or the recipe has a crop_padding.
        """
        super().__init__(root=root, recipe=recipe, seed=seed, device=device)
        if recipe.crop_padding:
            raise SpecError(
                "a folder of images is cropped by random resized crops, so crop_padding must be 0; "
                f"got crop_padding={recipe.crop_padding}"
            )
        for name, value, fits, allowed in (
            ("image_size", image_size, image_size >= 1, "at least 1"),
            ("crop_ratio", crop_ratio, 0 < crop_ratio <= 1, "in (0, 1]"),
            ("validation_fraction", validation_fraction, 0 < validation_fraction < 1, "in (0, 1)"),
            ("workers", workers, workers >= 0, "at least 0"),
        ):
            if not fits:
                raise SpecError(f"{name} must be {allowed}; got {name}={value}")
        self.image_size = image_size
        self.crop_ratio = crop_ratio
        self.validation_fraction = validation_fraction
        self.workers = workers
        self.classes: tuple[str, ...] = ()
        """Names of the classes, in the order of the labels; known after `setup`."""

    def setup(self, stage: str | None = None) -> None:
        """List the files of every split; for ``stage="test"`` of the test split alone, where there is no ``train/``.

        Raises:
            DataError: If a folder is missing or empty, or the splits' classes differ.
        """
        if stage == "test" and self._loaded is None and self.root is not None and not (self.root / "train").is_dir():
            part = self.root / ("test" if (self.root / "test").is_dir() else "val")
            self.classes, files = list_images(part)
            self._loaded = self._with_loaders({"test": files})
        super().setup(stage)

    def load(self) -> Loaded:
        """List the files of each split.

        Raises:
            DataError: If a folder is missing or empty, or the splits' classes differ.
        """
        self.classes, files = self._files()
        return self._with_loaders(files)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the class folders; known after `setup`."""
        self._after_setup()
        return self.classes

    @property
    def preparation(self) -> Preparation:
        """ImageNet's statistics, and the middle crop."""
        mean, std = (tuple(255 * value for value in values) for values in (MEAN, STD))
        return Preparation(mean=mean, std=std, crop_ratio=self.crop_ratio)

    def _with_loaders(self, files: dict[Split, _Files]) -> Loaded:
        loaders = {split: self._loader(split, files[split]) for split in files}
        return Loaded(num_classes=len(self.classes), image_shape=(3, self.image_size, self.image_size), loaders=loaders)

    def _files(self) -> tuple[tuple[str, ...], dict[Split, _Files]]:
        if self.root is None:
            raise DataError("a folder of images needs a root: name the folder that holds train/ and val/ with --root")
        classes, train = list_images(self.root / "train")
        files: dict[str, _Files] = {"train": train}
        parts = ("val", "test") if (self.root / "test").is_dir() else ("val",)
        for part in parts:
            part_classes, files[part] = list_images(self.root / part)
            if differing := sorted(set(classes) ^ set(part_classes)):
                raise DataError(
                    f"{self.root / 'train'} and {self.root / part} must have the same class folders; "
                    f"only one of them has: {', '.join(differing)}"
                )
        if "test" in files:
            return classes, {"train": train, "validation": files["val"], "test": files["test"]}
        kept, held_out = hold_out(
            np.array([label for _, label in train]), max(1, round(self.validation_fraction * len(train)))
        )
        if not len(kept):
            raise DataError(
                f"{self.root / 'train'} must have an image to train on and one to validate on; got {len(train)} in all"
            )
        return classes, {
            "train": [train[index] for index in kept],
            "validation": [train[index] for index in held_out],
            "test": files["val"],
        }

    def _loader(self, split: Split, files: _Files) -> FolderLoader:
        training = split == "train"
        transform = (
            training_transform(self.image_size, horizontal_flip=self.recipe.horizontal_flip)
            if training
            else evaluation_transform(self.image_size, crop_ratio=self.crop_ratio)
        )
        return FolderLoader(
            ImageFiles(files, transform),
            mean=MEAN,
            std=STD,
            batch_size=self.recipe.batch_size,
            seed=self.seed if training else None,
            workers=self.workers,
            device=self.device,
        )


@register_data("imagenet")
class ImageNet(ImageFolderData):
    """ImageNet, or classes of it: ``val/`` is tested on, and 2 % of ``train/`` validate."""

    description = "ImageNet in class folders train/ and val/; needs --root"

    def __init__(
        self,
        *,
        root: Path | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        image_size: int = 224,
        crop_ratio: float = 0.875,
        validation_fraction: float = 0.02,
        workers: int = 0,
    ) -> None:
        """Plan the reading; see `ImageFolderData`."""
        super().__init__(
            root=root, recipe=recipe, seed=seed, device=device, image_size=image_size, crop_ratio=crop_ratio,
            validation_fraction=validation_fraction, workers=workers,
        )  # fmt: skip


def list_images(folder: Path) -> tuple[tuple[str, ...], _Files]:
    """The class folders of a folder, sorted, and each image's path and label.

    Raises:
        DataError: If the folder is missing, has no class folders, or one without images.
    """
    from torchvision.datasets import ImageFolder  # type: ignore[import-untyped]

    try:
        listed = ImageFolder(folder)
    except OSError as error:
        reason = str(error) if folder.is_dir() else "there is no such folder"
        raise DataError(
            f"{folder} must hold one folder of images a class: {reason}; name the folder that holds train/ and val/ "
            "with --root"
        ) from error
    return tuple(listed.classes), listed.samples


def training_transform(image_size: int, *, horizontal_flip: bool) -> Transform:
    """A random part of the image, resized, and mirrored with probability one half if wanted."""
    from torchvision.transforms import v2  # type: ignore[import-untyped]

    flips = [v2.RandomHorizontalFlip()] if horizontal_flip else []
    transform: Transform = v2.Compose([v2.RandomResizedCrop(image_size), *flips, v2.PILToTensor()])
    return transform


def evaluation_transform(image_size: int, *, crop_ratio: float) -> Transform:
    """The middle of the image: the shorter side becomes image_size / crop_ratio, of which image_size is kept."""
    from torchvision.transforms import v2

    resized = round(image_size / crop_ratio)
    transform: Transform = v2.Compose([v2.Resize(resized), v2.CenterCrop(image_size), v2.PILToTensor()])
    return transform
