"""A trained classifier on test images that are made worse, in growing strength."""

from collections.abc import Callable, Iterator

import lightning
import torch
from torch import nn

from attnbench.data import EpochLoader, ImageData
from attnbench.data.loader import Batch, seeded_generator
from attnbench.measure.corruption import Worsened, corrupted, strengths
from attnbench.packed import PackedBits
from attnbench.robustness_record import Corrupted
from attnbench.spec import CORRUPTIONS, Corruption, RunSpec
from attnbench.training import evaluate

_SEED = 0


def evaluate_corrupted(
    model: nn.Module, data: ImageData, spec: RunSpec, *, on_step: Callable[[int, int], None] | None = None
) -> tuple[Corrupted, ...]:
    """Test a model once for each corruption and strength that a run asks for.

    Args:
        model: The trained classifier.
        data: Its data.
        spec: What is run.
        on_step: Called with tests done and tests in all.
    """
    _, height, width = data.image_shape
    wanted = [
        (corruption, strength)
        for corruption in spec.measure.corruptions
        for strength in strengths(corruption, size=(height, width))
    ]
    found: list[Corrupted] = []
    for corruption, strength in wanted:
        if on_step is not None:
            on_step(len(found), len(wanted))
        tested = evaluate(
            model,
            CorruptedData(data, corruption, strength),
            recipe=spec.recipe,
            compute=spec.compute,
            num_classes=data.num_classes,
        )
        correct = PackedBits.pack(tested.test_correct)
        found.append(Corrupted(corruption=corruption, strength=strength, test_correct=correct))
    return tuple(found)


class CorruptedData(lightning.LightningDataModule):
    """The test split of a data set, made worse."""

    def __init__(self, data: ImageData, corruption: Corruption, strength: float) -> None:
        """Plan what is done to the images.

        Args:
            data: The data set, read.
            corruption: What is done.
            strength: How much; see `attnbench.measure.corruption.strengths`.
        """
        super().__init__()
        self.data = data
        self.corruption: Corruption = corruption
        self.strength = strength

    def test_dataloader(self) -> EpochLoader[Batch]:
        """The test split once, in the data set's order."""
        objects = self.data.objects("test")
        return _CorruptedLoader(
            self.data.test_dataloader(), self.corruption, self.strength, None if objects is None else objects.masks
        )


class _CorruptedLoader(EpochLoader[Batch]):
    """Another loader's batches, made worse."""

    def __init__(
        self, clean: EpochLoader[Batch], corruption: Corruption, strength: float, masks: torch.Tensor | None
    ) -> None:
        super().__init__(num_images=clean.num_images, batch_size=clean.batch_size, seed=None)
        self._clean, self._corruption, self._strength, self._masks = clean, corruption, strength, masks

    def batches(self, order: torch.Tensor, first_step: int) -> Iterator[Batch]:
        """The batches from `first_step` on."""
        for step, (images, labels) in enumerate(self._clean.batches(order, first_step), start=first_step):
            indices = self.whole_batch(order, step)[self.share.part]
            yield self._worse(images, indices), labels

    def _worse(self, images: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
        epoch = CORRUPTIONS.index(self._corruption)
        generators = [seeded_generator(_SEED, epoch, int(index), purpose="corruption") for index in indices]
        masks = None if self._masks is None else self._masks[indices].to(images.device)
        worsened = Worsened(images=images, generators=generators, masks=masks)
        return corrupted(self._corruption, worsened, strength=self._strength)
