"""Keeps made scenes in one file: their images, and their annotations as COCO's JSON."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnbench.data.base import Split
from attnbench.data.cache import cached_arrays
from attnbench.data.detection.base import DetectionSplit
from attnbench.data.detection.coco_json import decode_annotations, encode_annotations
from attnbench.errors import DataError
from attnbench.store import write_whole


def read_scenes(
    file: Path, *, numbers: Mapping[Split, int], size: int, classes: tuple[str, ...]
) -> dict[Split, DetectionSplit] | None:
    """What is cached, or none where the file is missing or damaged.

    Args:
        file: The file.
        numbers: Images of each split.
        size: Height and width of an image.
        classes: Names of the classes.
    """
    stored = cached_arrays(file, [f"{split}_{part}" for split in numbers for part in ("annotations", "pixels")])
    if stored is None:
        return None
    splits: dict[Split, DetectionSplit] = {}
    try:
        for split, number in numbers.items():
            annotations, _ = decode_annotations(stored[f"{split}_annotations"].tobytes(), source=str(file))
            pixels = stored[f"{split}_pixels"].reshape(number, size, size, 3)
            if annotations.classes != classes or annotations.num_images != number:
                return None
            splits[split] = DetectionSplit(images=pixels, annotations=annotations)
    except (ValueError, DataError):  # arrays of another shape, or no annotations
        return None
    return splits


def write_scenes(file: Path, splits: Mapping[Split, DetectionSplit]) -> None:
    """Cache made scenes; a folder that cannot be written is no error, since all works without, only slower.

    Args:
        file: The file.
        splits: Scenes, whose images are one array a split.
    """
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split, scenes in splits.items():
        content = encode_annotations(scenes.annotations, description="cluttered scenes")
        arrays[f"{split}_pixels"] = np.asarray(scenes.images)
        arrays[f"{split}_annotations"] = np.frombuffer(content, dtype=np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    try:
        write_whole(file, buffer.getvalue())
    except OSError:
        return
