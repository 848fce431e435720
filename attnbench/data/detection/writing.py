"""Writes a detection data set as a folder of images with annotations in COCO's JSON, for other tools."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from attnbench.data.base import SPLITS, Split
from attnbench.data.detection.base import DetectionData, DetectionSplit
from attnbench.data.detection.coco_json import encode_annotations
from attnbench.data.detection.examples import FileImages, ImageSource
from attnbench.errors import DataError
from attnbench.store import write_whole


def write_folder(data: DetectionData, folder: Path, *, description: str) -> dict[Split, Path]:
    """Write ``annotations/SPLIT.json`` and the images in ``SPLIT/``, for each split.

    Images that were read from files are copied as they are, under their names; others are written as PNG. A writing
    that was broken off can be taken up again.

    Args:
        data: The data set, after `setup`.
        folder: Where to; it must be empty, missing, or a folder of the very same annotations.
        description: What the data set is, in words.

    Returns:
        File of annotations of each split.

    Raises:
        DataError: If the folder holds something else, or cannot be written.
    """
    names = {split: _names_of(data.split(split)) for split in SPLITS if data.num_images[split]}
    contents = {
        split: encode_annotations(
            replace(data.split(split).annotations, file_names=file_names), description=f"{description}, {split}"
        )
        for split, file_names in names.items()
    }
    files = {split: folder / "annotations" / f"{split}.json" for split in contents}
    try:
        _check_folder(folder, {files[split]: content for split, content in contents.items()})
        # The annotations first: by them a folder that was not finished is known.
        for split, content in contents.items():
            write_whole(files[split], content)
        for split, file_names in names.items():
            _write_images(data.split(split).images, file_names, folder / split)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror or error}") from error
    return files


def _check_folder(folder: Path, contents: dict[Path, bytes]) -> None:
    if not folder.exists():
        return
    there = list(folder.iterdir())  # an OSError where it is a file
    known = all(file.is_file() and file.read_bytes() == content for file, content in contents.items())
    if there and not known:
        raise DataError(f"{folder} must be empty, or hold this very data set; it holds {there[0].name}, among others")


def _names_of(split: DetectionSplit) -> tuple[str, ...]:
    """File names of a split's images, which say what is in the files."""
    names = split.annotations.file_names
    if isinstance(split.images, FileImages):
        return names
    return tuple(name if name.endswith(".png") else f"{name}.png" for name in names)


def _write_images(images: ImageSource, names: Sequence[str], folder: Path) -> None:
    for index, name in enumerate(names):
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"an image's file name must stay within the folder of its split; got {name!r}")
        if file.exists():
            continue
        write_whole(file, images.content(index) if isinstance(images, FileImages) else _as_png(images[index]))


def _as_png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG")
    return buffer.getvalue()
