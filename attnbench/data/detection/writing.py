"""Writes a detection data set as a folder of PNG images with annotations in COCO's JSON, for other tools."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from attnbench.data.base import SPLITS, Split
from attnbench.data.detection.base import DetectionData
from attnbench.data.detection.coco_json import encode_annotations
from attnbench.errors import DataError
from attnbench.store import write_whole


def write_folder(data: DetectionData, folder: Path, *, description: str) -> dict[Split, Path]:
    """Write ``annotations/SPLIT.json`` and the images in ``SPLIT/``, for each split.

    A writing that was broken off can be taken up again.

    Args:
        data: The data set, after `setup`.
        folder: Where to; it must be empty, missing, or a folder of the very same annotations.
        description: What the data set is, in words.

    Returns:
        File of annotations of each split.

    Raises:
        DataError: If the folder holds something else, or cannot be written.
    """
    contents = {
        split: encode_annotations(data.split(split).annotations, description=f"{description}, {split}")
        for split in SPLITS
        if data.num_images[split]
    }
    files = {split: folder / "annotations" / f"{split}.json" for split in contents}
    try:
        _check_folder(folder, {files[split]: content for split, content in contents.items()})
        # The annotations first: by them a folder that was not finished is known.
        for split, content in contents.items():
            write_whole(files[split], content)
        for split in contents:
            _write_images(data, split, folder / split)
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


def _write_images(data: DetectionData, split: Split, folder: Path) -> None:
    chosen = data.split(split)
    for index, name in enumerate(chosen.annotations.file_names):
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"an image's file name must stay within the folder of its split; got {name!r}")
        if file.exists():
            continue
        buffer = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(chosen.images[index])).save(buffer, format="PNG")
        write_whole(file, buffer.getvalue())
