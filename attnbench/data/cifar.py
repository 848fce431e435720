"""CIFAR-10 and CIFAR-100: 60,000 colour 32×32 images (https://www.cs.toronto.edu/~kriz/cifar.html)."""

from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from attnbench.data.base import Split
from attnbench.data.cache import cache_folder
from attnbench.data.in_memory import Images, InMemoryData
from attnbench.data.registration import register_data
from attnbench.data.splits import hold_out
from attnbench.errors import DataError
from attnbench.printable import one_line
from attnbench.spec import Recipe

# 5,000 of 50,000.
_VALIDATION_SHARE = 10


@register_data("cifar10")
class CIFAR10(InMemoryData):
    """45,000 training, 5,000 validation and 10,000 test images, read by torchvision.

    The validation split is a fixed, stratified part of the training files.
    """

    description = "colour 32×32 images in 10 classes; from a folder, or downloaded"
    set_name: ClassVar[str] = "cifar10"
    classes: ClassVar[int] = 10

    def __init__(
        self,
        *,
        root: Path | None,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        train_images: int | None = None,
        download: bool = False,
    ) -> None:
        """Plan the reading.

        Args:
            root: Folder that holds the unpacked archive's folder; none is the cache folder.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            device: Where the images are held.
            train_images: Training images to keep, stratified and fixed; none keeps all.
            download: Whether to fetch the files where they are missing.
        """
        super().__init__(root=root, recipe=recipe, seed=seed, device=device)
        self.train_images = train_images
        self.download = download
        self._class_names: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """As the published files name them; known after `setup`."""
        self._after_setup()
        return self._class_names

    def prepare_data(self) -> None:
        """Fetch the files into the root or else the cache folder, if wanted and if they are missing.

        Raises:
            DataError: If they cannot be fetched.
        """
        if self.download:
            self._published(train=True, download=True)

    def read(self) -> tuple[int, Mapping[Split, Images]]:
        """The images of each split.

        Raises:
            DataError: If a file is missing or damaged.
            SpecError: If more training images are wanted than there are.
        """
        self.prepare_data()
        files = self._published(train=True)
        train, validation = hold_out(files.labels, len(files.labels) // _VALIDATION_SHARE, num_train=self.train_images)
        return self.classes, {
            "train": Images(files.pixels[train], files.labels[train]),
            "validation": Images(files.pixels[validation], files.labels[validation]),
            "test": self._published(train=False),
        }

    def _published(self, *, train: bool, download: bool = False) -> Images:
        from torchvision import datasets  # type: ignore[import-untyped]

        folder = self.root or cache_folder()
        published = getattr(datasets, self.set_name.upper())
        try:
            files = published(folder, train=train, download=download)
        except (OSError, RuntimeError, HTTPException) as error:
            if download:
                raise DataError(
                    f"{self.set_name} cannot be downloaded into {folder}: {one_line(str(error))}"
                ) from error
            raise DataError(
                f"{self.set_name} is missing or damaged in {folder / published.base_folder}: name the folder above it "
                f"with --root, or download it with --data {self.set_name}:download=true"
            ) from error
        self._class_names = tuple(files.classes)
        pixels = np.ascontiguousarray(files.data.transpose(0, 3, 1, 2))
        return Images(pixels, np.asarray(files.targets, dtype=np.int64))


@register_data("cifar100")
class CIFAR100(CIFAR10):
    """CIFAR-100, with its 100 fine classes; divided as CIFAR-10 is."""

    description = "colour 32×32 images in 100 classes; from a folder, or downloaded"
    set_name = "cifar100"
    classes = 100
