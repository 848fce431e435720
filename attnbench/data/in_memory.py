"""Data sets small enough to hold in memory, on the device that trains."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.data.base import ImageData, Loaded, Split
from attnbench.data.loader import TensorLoader
from attnbench.errors import DataError, SpecError
from attnbench.preparation import Preparation
from attnbench.spec import Recipe


@dataclass(frozen=True)
class Images:
    """The images of one split."""

    pixels: NDArray[np.uint8]
    """Grey levels (num_images, C, H, W)."""
    labels: NDArray[np.int64]
    """Classes (num_images,)."""


class InMemoryData(ImageData):
    """Images held as uint8 on the device; a subclass implements `read`.

    Batches are normalised by the mean and standard deviation of each channel of
    the training split.
    """

    def __init__(self, *, root: Path | None, recipe: Recipe, seed: int, device: torch.device) -> None:
        super().__init__(root=root, recipe=recipe, seed=seed, device=device)
        self.mean: tuple[float, ...] = ()
        """Mean of each channel of the training split, grey levels; known after `setup`."""
        self.std: tuple[float, ...] = ()
        """Standard deviation of each channel of the training split, grey levels; known after `setup`."""

    def read(self) -> tuple[int, Mapping[Split, Images]]:
        """The number of classes, and the images of each split.

        Raises:
            DataError: If the data set is missing or damaged.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement read()")

    def load(self) -> Loaded:
        """Read the data set and move it to the device.

        Raises:
            DataError: If it is missing or damaged, or a split has no images or some of another shape.
            SpecError: If the recipe's crop_padding is too large for the images.
        """
        num_classes, images = self.read()
        self._check(images)
        _, channels, height, width = images["train"].pixels.shape
        if self.recipe.crop_padding >= min(height, width):
            raise SpecError(
                f"crop_padding must be smaller than the images, whose size is {height}×{width}; "
                f"got crop_padding={self.recipe.crop_padding}"
            )
        self.mean, self.std = channel_statistics(images["train"].pixels)
        return Loaded(
            num_classes=num_classes,
            image_shape=(channels, height, width),
            loaders={split: self._loader(split, images[split]) for split in images},
        )

    @property
    def preparation(self) -> Preparation:
        """The mean and standard deviation of the training split; known after `setup`."""
        self._after_setup()
        return Preparation(mean=self.mean, std=self.std)

    def _check(self, images: Mapping[Split, Images]) -> None:
        """Refuse splits that have no images, or images of another size than those to train on."""
        shapes = {split: "×".join(map(str, part.pixels.shape[1:])) for split, part in images.items()}
        for split, part in images.items():
            if part.pixels.size == 0:
                raise DataError(f"{type(self).__name__}: the {split} split must have an image; got {part.pixels.shape}")
            if shapes[split] != shapes["train"]:
                raise DataError(
                    f"{type(self).__name__}: images of all splits must have one shape; "
                    f"got {shapes['train']} in train and {shapes[split]} in {split}"
                )

    def _loader(self, split: Split, images: Images) -> TensorLoader:
        training = split == "train"
        return TensorLoader(
            torch.from_numpy(images.pixels).to(self.device),
            torch.from_numpy(images.labels).to(self.device),
            mean=torch.tensor(self.mean),
            std=torch.tensor(self.std),
            batch_size=self.recipe.batch_size,
            seed=self.seed if training else None,
            crop_padding=self.recipe.crop_padding if training else 0,
            horizontal_flip=training and self.recipe.horizontal_flip,
        )


def channel_statistics(pixels: NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in grey levels.

    Args:
        pixels: Images (num_images, C, H, W).

    Returns:
        Means (C,) and standard deviations (C,); a channel of one grey level has the deviation 1.
    """
    channels = pixels.shape[1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    # By histogram: exact, and in pieces, since a float64 copy would need eight times the memory.
    for start in range(0, len(pixels), 4096):
        for channel in range(channels):
            counts[channel] += np.bincount(pixels[start : start + 4096, channel].ravel(), minlength=256)
    levels = np.arange(256)
    share = counts / counts.sum(1, keepdims=True)
    mean = share @ levels
    variance = (share * (levels - mean[:, None]) ** 2).sum(1)
    std = np.sqrt(np.where(variance > 0, variance, 1.0))
    return tuple(map(float, mean)), tuple(map(float, std))
