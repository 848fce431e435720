"""What every data set gives to a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import lightning
import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.data.loader import Batch, EpochLoader
from attnbench.preparation import Preparation
from attnbench.spec import Recipe
from attnbench.spec_rules import check

Split: TypeAlias = Literal["train", "validation", "test"]
"""Images to train on, to select weights by, and to test once."""

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
"""Every split, in the order of use."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A data set that has been read."""

    num_classes: int
    """Classes; labels lie in [0, num_classes)."""
    image_shape: tuple[int, int, int]
    """Channels, height and width of a test image."""
    loaders: Mapping[Split, EpochLoader[Batch]]
    """Batches of each split."""


@dataclass(frozen=True)
class Objects:
    """Where the object is in each image of a split."""

    boxes: torch.Tensor
    """x0, y0, x1, y1 with x1 and y1 exclusive, pixels, int64 (num_images, 4)."""
    masks: torch.Tensor
    """Pixels of the object, bool (num_images, H, W)."""


def check_divided_splits(
    num_images: Mapping[Split, int], *, batch_size: int, devices: int, accumulate: int = 1
) -> None:
    """Refuse splits that are too small to be divided.

    Args:
        num_images: Images of each split.
        batch_size: Images a step.
        devices: Devices that share the images of each step and of each evaluated split, those of all nodes.
        accumulate: Parts that each device takes of a step, one after the other.

    Raises:
        SpecError: If the training split fills no step that is divided, or a device would have nothing to evaluate.
    """
    for split, number in num_images.items():
        if split == "train":
            check(
                devices * accumulate == 1 or number >= batch_size,
                "batch_size must not exceed the training images where a step is divided",
                batch_size=batch_size,
                train_images=number,
                devices=devices,
                accumulate=accumulate,
            )
        else:
            check(
                number == 0 or number >= devices,
                f"devices must not exceed the {split} images",
                devices=devices,
                **{f"{split}_images": number},
            )


class ImageData(lightning.LightningDataModule):
    """Labelled images in three disjoint splits.

    A subclass implements `load`. Loaders give batches of float32 images
    (N, C, H, W), normalised by the training split's mean and standard deviation
    or by ones that its `load` documents, and int64 labels (N,).
    """

    description: ClassVar[str] = ""
    """One line for the list of data sets."""

    def __init__(self, *, root: Path | None, recipe: Recipe, seed: int, device: torch.device) -> None:
        """Remember where and how to read; nothing is read yet.

        Args:
            root: Folder of the data set, or none for where it usually lies.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            device: Where the batches are wanted.
        """
        super().__init__()
        self.root = root
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self._loaded: Loaded | None = None

    def load(self) -> Loaded:
        """Read the data set; called once.

        Raises:
            DataError: If it is missing or damaged.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement load()")

    def setup(self, stage: str | None = None) -> None:
        """Read every split, the first time it is called.

        Args:
            stage: Lightning's word for what comes next; a data set may leave out what it does not need.

        Raises:
            DataError: If the data set is missing or damaged.
        """
        if self._loaded is None:
            self._loaded = self.load()

    @property
    def num_classes(self) -> int:
        """Classes of the data set."""
        return self._after_setup().num_classes

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a test image."""
        return self._after_setup().image_shape

    @property
    def num_images(self) -> dict[Split, int]:
        """Images of each split."""
        return {split: loader.num_images for split, loader in self._after_setup().loaders.items()}

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels; empty where the data set knows none."""
        return ()

    @property
    def preparation(self) -> Preparation | None:
        """How a test image is prepared, so that images of any size can be; none where the data set does not say."""
        return None

    @property
    def test_sources(self) -> NDArray[np.int64] | None:
        """Of each test image, (num_images,), the source it was made from; none where each stands for itself."""
        return None

    def objects(self, split: Split) -> Objects | None:
        """Where the object is in each image of a split, in the data set's order; none where nobody marked it.

        Args:
            split: Which images.
        """
        return None

    def train_dataloader(self) -> EpochLoader[Batch]:
        """Shuffled and augmented batches; a last one that is not full is dropped."""
        return self._after_setup().loaders["train"]

    def val_dataloader(self) -> EpochLoader[Batch]:
        """The validation split once, in the data set's order."""
        return self._after_setup().loaders["validation"]

    def test_dataloader(self) -> EpochLoader[Batch]:
        """The test split once, in the data set's order."""
        return self._after_setup().loaders["test"]

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """The batch on a device, where the loaders put it already; Lightning would search it for tensors at each step.

        Args:
            batch: Images and labels.
            device: Where they are wanted.
            dataloader_idx: Lightning's number of the loader; there is one.
        """
        images, labels = batch
        return images.to(device), labels.to(device)

    def _after_setup(self) -> Loaded:
        if self._loaded is None:
            raise RuntimeError(f"{type(self).__name__} has not been read yet; call setup() first")
        return self._loaded
