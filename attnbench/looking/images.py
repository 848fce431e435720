"""The images that models are looked at with: files, or the first test images of a data set."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ImageOps

from attnbench.data import ImageData, build_data
from attnbench.data.folder_loader import read_image
from attnbench.data.loader import Batch
from attnbench.data.preparing import as_pixels, prepared
from attnbench.errors import CheckpointError, SpecError
from attnbench.models.saved import ClassifierDescription
from attnbench.spec import RunSpec

_LISTED = 5
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")


@dataclass(frozen=True, kw_only=True, eq=False)
class Images:
    """Images as models take them and as they are seen."""

    names: tuple[str, ...]
    """What each is called."""
    inputs: torch.Tensor
    """Normalised as in training (N, C, H, W)."""
    pixels: NDArray[np.uint8]
    """The same to look at, RGB (N, H, W, 3)."""
    labels: NDArray[np.int64] | None
    """Their classes (N,); none where nobody says."""
    source: str
    """Where they are from, for captions."""


def images_of_files(paths: Sequence[Path], description: ClassifierDescription, *, number: int) -> Images:
    """Files of images, of any size, prepared as the data set's test images were.

    Args:
        paths: Files, and folders of them.
        description: The classifier that they are for.
        number: How many to take of a folder: the first ones, by name.

    Raises:
        SpecError: If there is none.
        CheckpointError: If the classifier does not say how its images are prepared.
        DataError: If one cannot be read.
    """
    if description.preparation is None:
        raise CheckpointError(
            f"the checkpoint does not say how images are normalised, since the data set {description.spec.data} does "
            "not; leave out --images to look at its test images"
        )
    files = [file for path in paths for file in _files(path, number)]
    upright = [ImageOps.exif_transpose(read_image(str(file))) for file in files]
    inputs = torch.stack([prepared(image, description.image_shape, description.preparation) for image in upright])
    return Images(
        names=tuple(file.name for file in files),
        inputs=inputs,
        pixels=as_pixels(inputs, description.preparation),
        labels=None,
        source=f"{len(files)} of your images: {', '.join(map(str, paths[:3]))}{' …' if len(paths) > 3 else ''}",
    )


def fitting_test_images(description: ClassifierDescription) -> ImageData:
    """The data set of a classifier, read for its test images.

    Raises:
        DataError: If it is missing or damaged.
        SpecError: If its images or classes are not those that the classifier takes.
    """
    data = read_test_images(description.spec)
    for what, here, there in (
        ("images of shape", data.image_shape, description.image_shape),
        ("so many classes as", data.num_classes, description.num_classes),
    ):
        if here != there:
            raise SpecError(f"the classifier takes {what} {there}; got {here} in {description.spec.data}")
    if description.class_names and data.class_names and description.class_names != data.class_names:
        raise SpecError(
            f"the classifier knows the classes {', '.join(description.class_names[:_LISTED])} …; "
            f"got {', '.join(data.class_names[:_LISTED])} … in {description.spec.data}"
        )
    return data


def read_test_images(spec: RunSpec) -> ImageData:
    """The data set of a run, read for its test images.

    Raises:
        DataError: If it is missing or damaged.
    """
    data = build_data(spec.data, root=spec.root, recipe=spec.recipe, seed=spec.seed, device=torch.device("cpu"))
    data.prepare_data()
    data.setup("test")
    return data


def images_of_data(data: ImageData, name: str, *, number: int) -> Images:
    """The first test images of a data set, one of each class before there is a second.

    Args:
        data: The data set.
        name: What it is called.
        number: How many; fewer where there are fewer.
    """
    loader = data.test_dataloader()
    chosen = first_of_each(loader.labels, number, loader.num_images)
    each = "" if loader.labels is None else ", one of each class first"
    return _chosen(data, chosen, f"the first {len(chosen)} test images of {name}{each}, counted from 0")


def images_of_classes(data: ImageData, name: str, classes: Sequence[int], *, number: int) -> Images | None:
    """The first test images of each of some classes; none where the classes are not known before images are read.

    Args:
        data: The data set.
        name: What it is called.
        classes: Their labels.
        number: How many of each; fewer where there are fewer.
    """
    labels = data.test_dataloader().labels
    if labels is None:
        return None
    chosen = [index for label in classes for index in torch.where(labels == label)[0][:number].tolist()]
    return _chosen(data, chosen, f"the first test images, up to {number}, of each of {len(classes)} classes of {name}")


def batches_of(data: ImageData, chosen: Sequence[int]) -> Iterator[Batch]:
    """Some test images, batch by batch.

    Args:
        data: The data set.
        chosen: Their places, in the wanted order.
    """
    loader = data.test_dataloader()
    # A loader plans the batches of the whole split.
    return itertools.islice(loader.batches(torch.tensor(chosen), 0), -(-len(chosen) // loader.batch_size))


def first_of_each(labels: torch.Tensor | None, number: int, num_images: int) -> list[int]:
    """The first images, one of each class before there is a second.

    Args:
        labels: Class of each image; none where they are not known.
        number: How many are wanted.
        num_images: How many there are.

    >>> first_of_each(torch.tensor([3, 3, 1, 3, 2]), 4, 5)
    [0, 2, 4, 1]
    """
    if labels is None:
        return list(range(min(number, num_images)))
    firsts: dict[int, int] = {}
    for index, label in enumerate(labels.tolist()):
        firsts.setdefault(label, index)
    chosen = set(firsts.values())
    others = (index for index in range(num_images) if index not in chosen)
    return list(itertools.islice(itertools.chain(firsts.values(), others), number))


def _chosen(data: ImageData, chosen: Sequence[int], source: str) -> Images:
    """Test images by their places."""
    inputs, labels = (torch.cat(parts) for parts in zip(*batches_of(data, chosen), strict=True))
    return Images(
        names=tuple(f"test image {index}" for index in chosen),
        inputs=inputs,
        pixels=as_pixels(inputs, data.preparation),
        labels=labels.numpy(),
        source=source,
    )


def _files(path: Path, number: int) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise SpecError(f"there is no image, and no folder of images, {str(path)!r}")
    found = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.is_file())
    if not found:
        raise SpecError(f"the folder {str(path)!r} holds no image; allowed: {', '.join(_SUFFIXES)}")
    return found[:number]
