"""Cluttered scenes: the embedded detection set, made on the machine from real digits or real clothing."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from attnbench.data.base import SPLITS, Split
from attnbench.data.cache import cache_folder
from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.base import DetectionData, DetectionSplit, LoadedDetection
from attnbench.data.detection.items import CLASSES, ItemKind, Sources, read_sources
from attnbench.data.detection.masks import encode_mask
from attnbench.data.detection.registration import register_detection_data
from attnbench.data.detection.scene_cache import read_scenes, write_scenes
from attnbench.data.detection.scenes import VERSION, Scene, draw_scene
from attnbench.data.digit_scenes import boxes_of
from attnbench.detection_spec import DetectionRecipe
from attnbench.errors import SpecError

MIN_SIZE, MAX_SIZE = 48, 1024


@register_detection_data("cluttered-scenes")
class ClutteredScenes(DetectionData):
    """Two to six tinted items in front of one another, among fragments of others on textured backgrounds.

    Training, validation and test images come from disjoint source items. The
    images depend on the settings alone, never on the run's seed.
    """

    description = "real digits or clothing of many sizes in clutter, with masks; made here, nothing to download"

    def __init__(
        self,
        *,
        root: Path | None,
        annotations: tuple[str, str] | None,
        recipe: DetectionRecipe,
        seed: int,
        masks: bool,
        items: ItemKind = "digits",
        size: int = 192,
        train_images: int = 1200,
        validation_images: int = 100,
        test_images: int = 300,
        data_seed: int = 0,
    ) -> None:
        """Plan the images; they are made by `setup`, and cached.

        Args:
            root: Folder of Fashion-MNIST's files where `items` is ``fashion-mnist``; none for where they usually lie.
            annotations: Must be none: they are made with the images.
            recipe: Batch size and augmentation.
            seed: Seed of order and augmentation.
            masks: Whether targets hold masks.
            items: What is in the images: scikit-learn's digits, or Fashion-MNIST's clothing.
            size: Height and width of an image, pixels.
            train_images: Images of the training split.
            validation_images: Images of the validation split; 0 for none.
            test_images: Images of the test split.
            data_seed: Seed of the images.

        Raises:
            SpecError: If a setting is out of range.
        """
        super().__init__(root=root, annotations=annotations, recipe=recipe, seed=seed, masks=masks)
        if root is not None and items == "digits":
            raise SpecError(
                "'cluttered-scenes' of digits is made, not read, and takes no root; "
                f"got root={str(root)!r}, items={items}"
            )
        if annotations is not None:
            raise SpecError(f"'cluttered-scenes' makes its annotations, and reads none; got annotations={annotations}")
        self.items = items
        self.size = size
        self.data_seed = data_seed
        self._numbers: dict[Split, int] = {
            "train": train_images, "validation": validation_images, "test": test_images,
        }  # fmt: skip
        _in_range("size", size, MIN_SIZE, MAX_SIZE)
        _in_range("data_seed", data_seed, 0, 2**32 - 1)
        for split, number in self._numbers.items():
            _in_range(f"{split}_images", number, 0 if split == "validation" else 1, 1_000_000)

    def prepare_data(self) -> None:
        """Make the images once, so that processes started later find them in the cache.

        Raises:
            DataError: If the source items are missing or damaged.
        """
        self.setup()

    def load(self) -> LoadedDetection:
        """The images of each split, from the cache or made anew.

        Raises:
            DataError: If the source items are missing or damaged.
        """
        # Digits are the same everywhere; another folder may hold other clothing under the same names.
        sources = None if self.items == "digits" else read_sources(self.items, self.root)
        file = self.cache_file(sources)
        numbers = {split: number for split, number in self._numbers.items() if number}
        splits = read_scenes(file, numbers=numbers, size=self.size, classes=CLASSES[self.items])
        if splits is None:
            sources = sources or read_sources(self.items, self.root)
            splits = {split: self._drawn(split, sources[split]) for split in numbers}
            write_scenes(file, splits)
        return LoadedDetection(splits=splits)

    def cache_file(self, sources: dict[Split, Sources] | None) -> Path:
        """Where the images are cached; the name is a hash of all they depend on."""
        content = (VERSION, self.items, self.size, self.data_seed, self._numbers)
        key = hashlib.sha256(msgspec.json.encode(content, order="deterministic"))
        for split in SPLITS if sources else ():
            assert sources is not None
            key.update(sources[split].pixels.tobytes())
            key.update(sources[split].labels.tobytes())
        return cache_folder() / f"cluttered-scenes-{key.hexdigest()[:16]}.npz"

    def _drawn(self, split: Split, sources: Sources) -> DetectionSplit:
        number = self._numbers[split]
        pixels = np.empty((number, self.size, self.size, 3), dtype=np.uint8)
        scenes = []
        for index in range(number):
            scene = draw_scene(sources, size=self.size, seed=(self.data_seed, SPLITS.index(split), index))
            pixels[index] = scene.pixels
            # Only what is kept: masks of every scene at once would fill the memory.
            scenes.append((scene.labels, *_described(scene)))
        return DetectionSplit(images=pixels, annotations=self._annotations(scenes))

    def _annotations(
        self, scenes: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], list[bytes]]]
    ) -> Annotations:
        labels, boxes, areas, segmentations = zip(*scenes, strict=True)
        return Annotations(
            classes=CLASSES[self.items],
            file_names=tuple(f"{number:06}.png" for number in range(1, len(scenes) + 1)),
            image_ids=np.arange(1, len(scenes) + 1),
            sizes=np.full((len(scenes), 2), self.size),
            starts=np.concatenate([[0], np.cumsum([len(of_scene) for of_scene in labels])]).astype(np.int64),
            labels=np.concatenate(labels) + 1,
            boxes=np.concatenate(boxes).astype(np.float64),
            areas=np.concatenate(areas).astype(np.float64),
            crowds=np.zeros(sum(map(len, labels)), dtype=np.bool_),
            segmentations=tuple(content for of_scene in segmentations for content in of_scene),
        )


def _described(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.int64], list[bytes]]:
    """Boxes, areas and segmentations of a scene's items."""
    segmentations = [msgspec.json.encode(encode_mask(mask)) for mask in scene.masks]
    return boxes_of(scene.masks), scene.masks.sum((1, 2)), segmentations


def _in_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SpecError(f"'cluttered-scenes': {name} must lie in [{low}, {high}]; got {name}={value}")
