"""Batches of images with targets, whose order and mirroring do not depend on the number of worker processes."""

from collections.abc import Iterator
from typing import TypeAlias

import torch
from torch.utils.data import DataLoader

from attnbench.data.detection.examples import Examples, Key, Target
from attnbench.data.folder_loader import in_a_sentence
from attnbench.data.loader import EpochLoader, seeded_generator

DetectionBatch: TypeAlias = tuple[list[torch.Tensor], list[Target]]
"""Images, float32 (3, H, W) in [0, 1] each, and their targets."""


class DetectionLoader(EpochLoader[DetectionBatch]):
    """Batches of images with their targets, read by worker processes or by this one."""

    def __init__(
        self,
        examples: Examples,
        *,
        batch_size: int,
        seed: int | None,
        horizontal_flip: bool = False,
        accumulate: int = 1,
        workers: int = 0,
    ) -> None:
        """Hold a split.

        Args:
            examples: Its images.
            batch_size: Images a batch.
            seed: Seed of order and mirroring; none for evaluation.
            horizontal_flip: Whether to mirror one image in two.
            accumulate: Batches a step: an epoch ends with a whole one.
            workers: Processes that read; 0 does it in this one.
        """
        super().__init__(num_images=len(examples), batch_size=batch_size, seed=seed)
        self.examples = examples
        self.horizontal_flip = horizontal_flip
        self.accumulate = accumulate
        self.workers = workers

    def __len__(self) -> int:
        batches = super().__len__()
        return batches - batches % self.accumulate

    def batches(self, order: torch.Tensor, first_step: int) -> Iterator[DetectionBatch]:
        """The batches of this epoch from `first_step` on."""
        keys = [
            [self._key(index) for index in self.whole_batch(order, step)[self.share.part].tolist()]
            for step in range(first_step, len(self))
        ]
        # A DataLoader draws a seed for its workers; its own generator leaves the global one alone.
        reader: DataLoader[tuple[torch.Tensor, Target]] = DataLoader(
            self.examples,
            batch_sampler=keys,
            num_workers=self.workers,
            collate_fn=_side_by_side,
            generator=torch.Generator().manual_seed(0),
        )
        yield from in_a_sentence(reader)

    def _key(self, index: int) -> Key:
        if self.seed is None or not self.horizontal_flip:
            return index, False
        generator = seeded_generator(self.seed, self.epoch, index, purpose="augmentation")
        return index, bool(torch.randint(2, (), generator=generator))


def _side_by_side(examples: list[tuple[torch.Tensor, Target]]) -> DetectionBatch:
    return [image for image, _ in examples], [target for _, target in examples]
