"""Batches whose order and augmentation are a function of (seed, epoch, step), and which resume in mid-epoch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import numpy as np
import torch

from attnbench.data.augmentation import Placements, crop_and_flip, draw_placements, joined
from attnbench.ranks import this_share

Batch: TypeAlias = tuple[torch.Tensor, torch.Tensor]
"""Images float32 (N, C, H, W) and labels int64 (N,)."""

BatchType = TypeVar("BatchType")

Purpose: TypeAlias = Literal["order", "augmentation", "corruption", "control"]
"""What numbers are drawn for."""

_PURPOSES: dict[Purpose, int] = {"order": 0, "augmentation": 1, "corruption": 2, "control": 3}


def seeded_generator(seed: int, epoch: int, index: int = 0, *, purpose: Purpose) -> torch.Generator:
    """A CPU generator for one purpose at one place of the training.

    It neither reads nor changes the global generators, and a device draws the
    same from it as any other.

    Args:
        seed: Seed of the run.
        epoch: Epoch, counted from 0.
        index: Step within the epoch, or the image.
        purpose: What is drawn; different purposes get unrelated numbers.
    """
    # Neighbouring seeds, epochs and steps would correlate in the Mersenne Twister; SeedSequence hashes them.
    (mixed,) = np.random.SeedSequence([seed, epoch, index, _PURPOSES[purpose]]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed))


class EpochLoader(ABC, Generic[BatchType]):
    """One split, an epoch at a time. Of each batch this process gets its share, see `attnbench.ranks`.

    Lightning calls `set_epoch` on a loader's `sampler`, here the loader itself,
    and keeps `state_dict` in its checkpoints.
    """

    labels: torch.Tensor | None = None
    """Class of each image of the split, int64 (num_images,), where it is known before the images are read."""

    batch_sampler = None
    """None, as in a DataLoader without one; Lightning reads it wherever there is a `sampler`."""

    def __init__(self, *, num_images: int, batch_size: int, seed: int | None) -> None:
        """Plan the epochs of a split.

        Args:
            num_images: Images of the split.
            batch_size: Images a batch, of all ranks together; a multiple of them.
            seed: Seed of the training order; none for evaluation, in order and with nothing dropped.
        """
        self.share = this_share()
        """What part of each batch is served."""
        self.num_images = num_images
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self._served = 0
        self._resumed_epoch: int | None = None

    @abstractmethod
    def batches(self, order: torch.Tensor, first_step: int) -> Iterator[BatchType]:
        """The batches of this epoch from `first_step` on.

        Args:
            order: Indices of the split's images in this epoch, int64 (num_images,).
            first_step: Batches to leave out at the start.
        """

    @property
    def sampler(self) -> "EpochLoader[BatchType]":
        """Itself: where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch, counted from 0, that the next batches belong to."""
        self.epoch = epoch

    def __len__(self) -> int:
        if self.seed is None:
            # The last batch may have no image for the last ranks.
            return math.ceil((self.num_images - self.share.index) / self.batch_size)
        # A split smaller than a batch is one batch of all its images.
        return max(1, self.num_images // self.batch_size)

    def __iter__(self) -> Iterator[BatchType]:
        # This is a generator, so nothing below runs before the first batch is asked for:
        # Lightning makes the first epoch's iterator before it sets the epoch.
        # A checkpoint of an epoch's end has served all, and continues with the start of the next.
        resumes = self._resumed_epoch == self.epoch and self._served < len(self)
        self._served = self._served if resumes else 0
        self._resumed_epoch = None
        for batch in self.batches(self.order(), self._served):
            self._served += 1
            yield batch

    def order(self) -> torch.Tensor:
        """Indices of the split's images in this epoch, int64 (num_images,)."""
        if self.seed is None:
            return torch.arange(self.num_images)
        return torch.randperm(self.num_images, generator=seeded_generator(self.seed, self.epoch, purpose="order"))

    def whole_batch(self, order: torch.Tensor, step: int) -> torch.Tensor:
        """The indices in a batch, those of all ranks."""
        return order[step * self.batch_size : (step + 1) * self.batch_size]

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the number of its batches already served."""
        return {"epoch": self.epoch, "served": self._served}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on where `state_dict` was taken."""
        self.epoch = self._resumed_epoch = state["epoch"]
        self._served = state["served"]


class TensorLoader(EpochLoader[Batch]):
    """Batches of images held in memory as uint8, normalised and augmented on their device."""

    def __init__(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        mean: torch.Tensor,
        std: torch.Tensor,
        batch_size: int,
        seed: int | None,
        crop_padding: int = 0,
        horizontal_flip: bool = False,
    ) -> None:
        """Hold a split.

        Args:
            images: Images, uint8 (num_images, C, H, W).
            labels: Labels, int64 (num_images,), on the same device.
            mean: Grey levels to subtract, float32 (C,).
            std: Grey levels to divide by, float32 (C,).
            batch_size: Images a batch.
            seed: Seed of order and augmentation; none for evaluation.
            crop_padding: Pixels of reflected border to cut a random crop from.
            horizontal_flip: Whether to mirror one image in two.
        """
        super().__init__(num_images=len(images), batch_size=batch_size, seed=seed)
        self.images = images
        self.labels: torch.Tensor = labels
        self.crop_padding = crop_padding
        self.horizontal_flip = horizontal_flip
        self._shift = mean.to(images.device).view(1, -1, 1, 1)
        self._scale = 1 / std.to(images.device).view(1, -1, 1, 1)

    def batches(self, order: torch.Tensor, first_step: int) -> Iterator[Batch]:
        """The batches of this epoch from `first_step` on."""
        # All that the epoch needs goes to the device at its start: a GPU is waited for at each transfer.
        moves = self._moves()
        order = order.to(self.images.device)
        for step in range(first_step, len(self)):
            chosen = self.whole_batch(order, step)[self.share.part]
            if moves is None:
                pixels = self.images[chosen]
            else:
                whole = slice(step * self.batch_size, (step + 1) * self.batch_size)
                pixels = crop_and_flip(self.images, chosen, moves.of(whole).of(self.share.part))
            yield self._normalised(pixels), self.labels[chosen]

    def _moves(self) -> Placements | None:
        """How the images of this epoch are moved, step after step; none where nothing is augmented."""
        if self.seed is None or not (self.crop_padding or self.horizontal_flip):
            return None
        # Drawn for whole batches, so that an image is moved alike whichever rank gets it.
        drawn = [
            draw_placements(
                min(self.batch_size, self.num_images),
                crop_padding=self.crop_padding,
                horizontal_flip=self.horizontal_flip,
                generator=seeded_generator(self.seed, self.epoch, step, purpose="augmentation"),
            )
            for step in range(len(self))
        ]
        return joined(drawn).to(self.images.device)

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.float().sub_(self._shift).mul_(self._scale)
