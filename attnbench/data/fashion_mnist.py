"""Fashion-MNIST: 70,000 grey 28×28 images of clothing in 10 classes (https://arxiv.org/abs/1708.07747)."""

import hashlib
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.data.base import Split
from attnbench.data.cache import cache_folder
from attnbench.data.idx import find_idx, read_idx
from attnbench.data.in_memory import Images, InMemoryData
from attnbench.data.registration import register_data
from attnbench.data.splits import hold_out
from attnbench.errors import DataError
from attnbench.printable import one_line
from attnbench.spec import Recipe

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
"""Names of the classes, in the order of the labels."""
SYSTEM_FOLDER = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package `dataset-fashion-mnist` puts the files."""

_FILES = tuple(f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1"))
# 5,000 of 60,000.
_VALIDATION_SHARE = 12


@register_data("fashion-mnist")
class FashionMNIST(InMemoryData):
    """55,000 training, 5,000 validation and 10,000 test images, read from the four IDX files.

    The validation split is a fixed, stratified part of the training file.
    """

    description = "grey 28×28 images of clothing; from a folder, Debian's dataset-fashion-mnist, or downloaded"

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
            root: Folder of the four files, gzipped or plain; none looks into Debian's and the cache folder.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            device: Where the images are held.
            train_images: Training images to keep, stratified and fixed; none keeps all.
            download: Whether to fetch the files where they are missing.
        """
        super().__init__(root=root, recipe=recipe, seed=seed, device=device)
        self.train_images = train_images
        self.download = download

    def prepare_data(self) -> None:
        """Fetch the files into the root or else the cache folder, if wanted and if they are missing.

        Raises:
            DataError: If they cannot be fetched.
        """
        if not self.download or self._find() is not None:
            return
        from torchvision.datasets import FashionMNIST as Published  # type: ignore[import-untyped]

        folder = self.root or cache_folder()
        try:
            Published(folder, download=True)
        except (OSError, RuntimeError, HTTPException) as error:
            _remove_damaged(folder / "FashionMNIST" / "raw", dict(Published.resources))
            raise DataError(f"Fashion-MNIST cannot be downloaded into {folder}: {one_line(str(error))}") from error

    def read(self) -> tuple[int, Mapping[Split, Images]]:
        """The images of each split.

        Raises:
            DataError: If a file is missing or damaged.
            SpecError: If more training images are wanted than there are.
        """
        self.prepare_data()
        files = self._find()
        if files is None:
            folders = " or ".join(map(str, self._folders()))
            raise DataError(
                f"Fashion-MNIST is not in {folders} (wanted: {', '.join(_FILES)}, each also as .gz): install Debian's "
                "dataset-fashion-mnist, name the folder with --root, or download it with "
                "--data fashion-mnist:download=true"
            )
        pixels, labels = _read_pair(files[0], files[1])
        train, validation = hold_out(labels, len(labels) // _VALIDATION_SHARE, num_train=self.train_images)
        return len(CLASSES), {
            "train": Images(pixels[train], labels[train]),
            "validation": Images(pixels[validation], labels[validation]),
            "test": Images(*_read_pair(files[2], files[3])),
        }

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the pieces of clothing are."""
        return CLASSES

    def _folders(self) -> list[Path]:
        # A root that the user names is the only place: other images than those asked for would be worse than none.
        bases = [self.root] if self.root else [SYSTEM_FOLDER, cache_folder()]
        return [folder for base in bases for folder in (base, base / "FashionMNIST" / "raw")]

    def _find(self) -> tuple[Path, ...] | None:
        for folder in self._folders():
            files = tuple(file for name in _FILES if (file := find_idx(folder, name)) is not None)
            if len(files) == len(_FILES):
                return files
        return None


def _remove_damaged(folder: Path, checksums: Mapping[str, str]) -> None:
    """Remove downloaded files without their published checksum, which would be found and taken for whole next time.

    Args:
        folder: Where they are.
        checksums: MD5 by the file's name.
    """
    for name, checksum in checksums.items():
        file = folder / name
        if file.is_file() and hashlib.md5(file.read_bytes()).hexdigest() != checksum:
            file.unlink()


def _read_pair(images_file: Path, labels_file: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    pixels, labels = read_idx(images_file), read_idx(labels_file)
    if pixels.ndim != 3 or labels.ndim != 1 or len(pixels) != len(labels):
        raise DataError(
            f"{images_file} and {labels_file} do not belong together: "
            f"images of shape {pixels.shape}, labels of shape {labels.shape}"
        )
    if labels.max(initial=0) >= len(CLASSES):
        raise DataError(f"{labels_file} is damaged: a label must lie in [0, {len(CLASSES)}); got {labels.max()}")
    # A copy: what is read from bytes is read-only, which torch does not take.
    return pixels[:, None].copy(), labels.astype(np.int64)
