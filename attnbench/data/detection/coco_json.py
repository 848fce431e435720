"""Reads and writes annotations in COCO's JSON format (https://cocodataset.org/#format-data)."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.boxes import check_box
from attnbench.data.detection.masks import draw_mask, parse_segmentation
from attnbench.errors import DataError
from attnbench.printable import one_line

# What NumPy's integers hold.
_Id: TypeAlias = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class _Image(msgspec.Struct):
    id: _Id
    file_name: str
    height: _Id
    width: _Id


class _Category(msgspec.Struct):
    id: int
    name: str


class _Object(msgspec.Struct, kw_only=True):
    image_id: int
    category_id: int
    bbox: list[float | None] | None = None
    id: int | None = None
    area: float | None = None
    iscrowd: int | bool = 0
    # Drawn when it is needed: a split of COCO has a million, which as Python's numbers would fill the memory.
    segmentation: msgspec.Raw = msgspec.Raw(b"null")


class _Content(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Object]
    categories: list[_Category]


_WANTED = "wanted is COCO's JSON, an object with images, annotations and categories"
_DECODER = msgspec.json.Decoder(_Content)
_MOST_PIXELS = 2 * 89_478_485
"""Pillow opens no image of more: it would fill the memory, as its mask would."""
# Python's json module writes these, which JSON does not know.
_NOT_FINITE = re.compile(rb"(?<=[\[,:\s])(NaN|-?Infinity)(?=\s*[\],}])")


def read_annotations(file: Path) -> tuple[Annotations, dict[str, int]]:
    """Read a file of annotations, and leave out what is broken.

    Labels count the categories by their ids, from 1 on.

    Args:
        file: The file.

    Returns:
        The annotations, and how often each kind of fault in `FAULTS` occurs.

    Raises:
        DataError: If it cannot be read, or is no such file.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the annotations {file}: {error.strerror or error}; {_WANTED}") from error
    return decode_annotations(content, source=str(file))


def decode_annotations(encoded: bytes, *, source: str) -> tuple[Annotations, dict[str, int]]:
    """The same as `read_annotations`, of what is in a file.

    Args:
        encoded: The JSON.
        source: Where it comes from, for error messages.

    Raises:
        DataError: If it is no such JSON.
    """
    content = _decoded(encoded, source)
    faults: Counter[str] = Counter()
    images: dict[int, _Image] = {}
    for image in content.images:
        faults["duplicate_image"] += image.id in images
        images.setdefault(image.id, image)
    categories = sorted(content.categories, key=lambda category: category.id)
    _check_entries(source, images, categories)
    places = {id_: place for place, id_ in enumerate(images)}
    labels = {category.id: label for label, category in enumerate(categories, 1)}

    kept: list[tuple[int, _Object, NDArray[np.float64], bytes, float]] = []
    ids: set[int] = set()
    for annotated in content.annotations:
        if annotated.id is not None:
            faults["duplicate_id"] += annotated.id in ids
            ids.add(annotated.id)
        if annotated.image_id not in images or annotated.category_id not in labels:
            faults["unknown_image" if annotated.image_id not in images else "unknown_category"] += 1
            continue
        image = images[annotated.image_id]
        box, fault = check_box(annotated.bbox, image.height, image.width)
        if fault is not None:
            faults[fault] += 1
        if box is None:
            continue
        segmentation, area = _shape(annotated, box, image, faults)
        kept.append((places[image.id], annotated, box, segmentation, area))
    kept.sort(key=lambda entry: entry[0])

    counts = np.bincount(np.array([place for place, *_ in kept], dtype=np.int64), minlength=len(images))
    annotations = Annotations(
        classes=tuple(category.name for category in categories),
        file_names=tuple(image.file_name for image in images.values()),
        image_ids=np.array(list(images), dtype=np.int64),
        sizes=np.array([(image.height, image.width) for image in images.values()], dtype=np.int64),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        labels=np.array([labels[annotated.category_id] for _, annotated, *_ in kept], dtype=np.int64),
        boxes=np.array([box for _, _, box, _, _ in kept], dtype=np.float64).reshape(-1, 4),
        areas=np.array([area for *_, area in kept], dtype=np.float64),
        crowds=np.array([bool(annotated.iscrowd) for _, annotated, *_ in kept], dtype=np.bool_),
        segmentations=tuple(segmentation for *_, segmentation, _ in kept),
    )
    return annotations, dict(+faults)


def encode_annotations(annotations: Annotations, *, description: str) -> bytes:
    """Annotations as COCO's JSON.

    Args:
        annotations: What to write; the categories' ids are the labels.
        description: What the file holds, in words.
    """
    objects = []
    for place, image_id in enumerate(annotations.image_ids.tolist()):
        span = annotations.objects_of(place)
        for number in range(span.start, span.stop):
            x0, y0, x1, y1 = annotations.boxes[number].tolist()
            segmentation = annotations.segmentations[number]
            objects.append(
                {
                    "id": number + 1,
                    "image_id": image_id,
                    "category_id": int(annotations.labels[number]),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": float(annotations.areas[number]),
                    "iscrowd": int(annotations.crowds[number]),
                    "segmentation": msgspec.Raw(segmentation or b"[]"),
                }
            )
    images = [
        {"id": image_id, "file_name": file_name, "height": height, "width": width}
        for image_id, file_name, (height, width) in zip(
            annotations.image_ids.tolist(), annotations.file_names, annotations.sizes.tolist(), strict=True
        )
    ]
    categories = [{"id": label, "name": name} for label, name in enumerate(annotations.classes, 1)]
    info = {"description": description, "version": "1.0"}
    return msgspec.json.encode(
        {"info": info, "licenses": [], "images": images, "annotations": objects, "categories": categories}
    )


def _decoded(encoded: bytes, source: str) -> _Content:
    try:
        return _DECODER.decode(encoded)
    except msgspec.ValidationError as error:
        raise DataError(f"{source} does not hold annotations: {one_line(str(error))}; {_WANTED}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{source} does not hold annotations: {one_line(str(error))}; {_WANTED}") from error
    except msgspec.DecodeError as error:
        mended, number = _NOT_FINITE.subn(b"null", encoded)
        if number == 0:
            raise DataError(f"{source} is not JSON: {error}; {_WANTED}") from error
    return _decoded(mended, source)


def _check_entries(source: str, images: dict[int, _Image], categories: Sequence[_Category]) -> None:
    if not images or not categories:
        missing = "categories" if images else "images"
        raise DataError(
            f"{source} lists no {missing}: {len(images)} images, {len(categories)} categories; both are wanted"
        )
    repeated = [id_ for id_, number in Counter(category.id for category in categories).items() if number > 1]
    if repeated:
        raise DataError(f"{source} lists a category twice: each id may be there once; got {repeated[0]} again")
    for image in images.values():
        if image.height < 1 or image.width < 1 or image.height * image.width > _MOST_PIXELS:
            raise DataError(
                f"{source}: height and width of an image must be at least 1, with {_MOST_PIXELS:,} pixels at most; "
                f"got {image.height}×{image.width} for {one_line(image.file_name)}"
            )


def _shape(annotated: _Object, box: NDArray[np.float64], image: _Image, faults: Counter[str]) -> tuple[bytes, float]:
    """JSON of the segmentation, empty where there is no valid one, and the area."""
    content = bytes(annotated.segmentation)
    segmentation = parse_segmentation(content, image.height, image.width)
    if segmentation is None:
        faults["no_mask"] += 1
        content = b""
    if annotated.area is not None and annotated.area >= 0:
        return content, annotated.area
    faults["no_area"] += 1
    return content, float(draw_mask(segmentation, box, image.height, image.width).sum())
