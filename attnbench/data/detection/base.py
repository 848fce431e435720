"""What every detection data set gives to a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import lightning

from attnbench.data.base import SPLITS, Split
from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.examples import Examples, ImageSource
from attnbench.data.detection.loader import DetectionLoader
from attnbench.detection_spec import DetectionRecipe


@dataclass(frozen=True, kw_only=True)
class DetectionSplit:
    """The images of one split."""

    images: ImageSource
    """Its images."""
    annotations: Annotations
    """What is in them."""


@dataclass(frozen=True, kw_only=True)
class LoadedDetection:
    """A data set that has been read."""

    splits: Mapping[Split, DetectionSplit]
    """Training and test split, and the validation split where there is one; all of the same classes."""
    faults: dict[str, int] = field(default_factory=dict)
    """How often each kind of fault in `FAULTS` occurs, in all splits together."""


class DetectionData(lightning.LightningDataModule):
    """Images with boxes and masks, in two or three disjoint splits.

    A subclass implements `load`. Loaders give `DetectionBatch`es; see `Target`.
    """

    description: ClassVar[str] = ""
    """One line for the list of data sets."""

    def __init__(
        self,
        *,
        root: Path | None,
        annotations: tuple[str, str] | None,
        recipe: DetectionRecipe,
        seed: int,
        masks: bool,
    ) -> None:
        """Remember where and how to read; nothing is read yet.

        Args:
            root: Folder of the data set, where it has one.
            annotations: Files of the training and of the test annotations; none for the usual ones.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            masks: Whether targets hold masks.
        """
        super().__init__()
        self.root = root
        self.annotation_files = annotations
        self.recipe = recipe
        self.seed = seed
        self.masks = masks
        self.workers = 0
        """Processes that read images; 0 reads in the process that trains."""
        self._loaded: LoadedDetection | None = None

    def load(self) -> LoadedDetection:
        """Read the data set; called once.

        Raises:
            DataError: If it is missing or damaged.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement load()")

    def setup(self, stage: str | None = None) -> None:
        """Read every split, the first time it is called.

        Args:
            stage: Lightning's word for what comes next, which changes nothing here.

        Raises:
            DataError: If the data set is missing or damaged.
        """
        if self._loaded is None:
            self._loaded = self.load()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; the first has the label 1."""
        return self.split("train").annotations.classes

    @property
    def num_classes(self) -> int:
        """Classes, without the background."""
        return len(self.classes)

    @property
    def num_images(self) -> dict[Split, int]:
        """Images of each split; 0 for one that is not there."""
        splits = self._after_setup().splits
        return {split: splits[split].annotations.num_images if split in splits else 0 for split in SPLITS}

    @property
    def num_objects(self) -> dict[str, int]:
        """Objects of the test split that count: ``all``, ``small``, ``medium``, ``large``; ``crowd``, which do not."""
        return self.split("test").annotations.count_objects()

    @property
    def faults(self) -> dict[str, int]:
        """How often each kind of fault in `FAULTS` occurs in the annotations, without kinds that do not."""
        return dict(self._after_setup().faults)

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation split."""
        return "validation" in self._after_setup().splits

    def split(self, split: Split) -> DetectionSplit:
        """The images of a split with what is in them, in the data set's order; known after `setup`."""
        return self._after_setup().splits[split]

    def train_dataloader(self) -> DetectionLoader:
        """Shuffled and augmented parts of steps; what fills no step is dropped."""
        return self._loader("train")

    def val_dataloader(self) -> DetectionLoader:
        """The validation split once, in the data set's order; there must be one."""
        return self._loader("validation")

    def test_dataloader(self) -> DetectionLoader:
        """The test split once, in the data set's order."""
        return self._loader("test")

    def _loader(self, split: Split) -> DetectionLoader:
        training = split == "train"
        chosen = self.split(split)
        return DetectionLoader(
            Examples(chosen.images, chosen.annotations, training=training, masks=self.masks),
            batch_size=self.recipe.batch_size // self.recipe.accumulate,
            seed=self.seed if training else None,
            horizontal_flip=training and self.recipe.horizontal_flip,
            accumulate=self.recipe.accumulate if training else 1,
            workers=self.workers,
        )

    def _after_setup(self) -> LoadedDetection:
        if self._loaded is None:
            raise RuntimeError(f"{type(self).__name__} has not been read yet; call setup() first")
        return self._loaded
