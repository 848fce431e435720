"""Batches of image files, whose order and augmentation do not depend on the number of worker processes."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.utils.data import DataLoader, Dataset

from attnbench.data.loader import Batch, EpochLoader, seeded_generator
from attnbench.errors import DataError
from attnbench.printable import one_line

Transform = Callable[[Image.Image], torch.Tensor]
"""An RGB image to grey levels, uint8 (3, H, W)."""

_Key = tuple[int, int]

T = TypeVar("T")


class ImageFiles(Dataset[tuple[torch.Tensor, int]]):
    """Image files with labels; the key of an item is its index and the seed of its augmentation."""

    def __init__(self, files: Sequence[tuple[str, int]], transform: Transform) -> None:
        """Hold the list of files.

        Args:
            files: Path and label of each image.
            transform: What makes a tensor of an image; it may draw from torch's global CPU generator.
        """
        self.files = files
        self.transform = transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, key: _Key) -> tuple[torch.Tensor, int]:
        """The image and its label.

        Raises:
            DataError: If the file cannot be read as an image.
        """
        index, seed = key
        path, label = self.files[index]
        image = read_image(path)
        # torchvision's transforms draw from the global generator alone; it is lent to them and put back.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return self.transform(image), label


class FolderLoader(EpochLoader[Batch]):
    """Batches of image files, read by worker processes or by this one, and normalised on their device."""

    def __init__(
        self,
        dataset: ImageFiles,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        batch_size: int,
        seed: int | None,
        workers: int,
        device: torch.device,
    ) -> None:
        """Hold a split.

        Args:
            dataset: Its files.
            mean: Of each channel, where black is 0 and white is 1.
            std: Standard deviation of each channel, likewise.
            batch_size: Images a batch.
            seed: Seed of order and augmentation; none for evaluation.
            workers: Processes that read and augment; 0 does it in this one.
            device: Where the batches are wanted.
        """
        super().__init__(num_images=len(dataset), batch_size=batch_size, seed=seed)
        self.dataset = dataset
        self.labels = torch.tensor([label for _, label in dataset.files], dtype=torch.int64)
        self.workers = workers
        self.device = device
        self._mean, self._std = (torch.tensor(values, device=device).view(-1, 1, 1) for values in (mean, std))

    def batches(self, order: torch.Tensor, first_step: int) -> Iterator[Batch]:
        """The batches of this epoch from `first_step` on."""
        keys = [
            [(index, self._seed_of(index)) for index in self.whole_batch(order, step)[self.share.part].tolist()]
            for step in range(first_step, len(self))
        ]
        # A DataLoader draws a seed for its workers; its own generator leaves the global one alone.
        reader: DataLoader[tuple[torch.Tensor, int]] = DataLoader(
            self.dataset,
            batch_sampler=keys,
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator().manual_seed(0),
        )
        for images, labels in in_a_sentence(reader):
            pixels = images.to(self.device, non_blocking=True)
            # In torchvision's steps, to its last bit.
            normalised = pixels.float().mul_(1 / 255).sub_(self._mean).div_(self._std)
            yield normalised, labels.to(self.device, non_blocking=True)

    def _seed_of(self, index: int) -> int:
        if self.seed is None:
            return 0
        return seeded_generator(self.seed, self.epoch, index, purpose="augmentation").initial_seed()


def in_a_sentence(batches: Iterable[T]) -> Iterator[T]:
    """Batches from a DataLoader, whose worker processes send an error with all of its traceback for a message.

    Raises:
        DataError: With the error's own message, which is the last line.
    """
    try:
        yield from batches
    except DataError as error:
        last = str(error).strip().rpartition("\n")[2]
        raise DataError(last.partition(f"{DataError.__name__}: ")[2] or last) from error


def read_image(path: str) -> Image.Image:
    """The RGB image in a file.

    Raises:
        DataError: If the file cannot be read as an image.
    """
    try:
        # Pillow warns of odd metadata and palettes, which do not matter to the pixels.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with Image.open(path) as image:
                return _eight_bits(image).convert("RGB")
    # UnidentifiedImageError is an OSError; some decoders raise the others on damaged files.
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is damaged or no image: {one_line(str(error))}; replace or remove it") from error


def _eight_bits(image: Image.Image) -> Image.Image:
    """An image of 16 bits a pixel in 8, which Pillow would cut off at 255."""
    if not image.mode.startswith("I"):
        return image
    levels = np.asarray(image)
    # An older Pillow has 32 bits for what may be 8 of a TIFF or 16 of a PNG.
    is_deep = image.mode != "I" or levels.max(initial=0) > 255
    return Image.fromarray((levels // 257 if is_deep else levels).clip(0, 255).astype(np.uint8))
