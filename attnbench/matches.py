"""What became of each detection of a test split: all that COCO's average precision is computed from.

Matching detections to objects needs images, boxes and masks. What follows from it does not: with the scores, what
each detection hit, and how many objects there were, every AP can be computed again, also over images drawn with
repetition. That is what intervals are made of.
"""

import base64
import math
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IOU_THRESHOLDS: tuple[float, ...] = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""COCO's thresholds, 0.5, 0.55 … 0.95, with its own rounding."""

SMALL_AREA, LARGE_AREA = 32**2, 96**2
"""Where COCO's small objects end and its large ones begin, pixels."""

AREAS: tuple[str, ...] = ("all", "small", "medium", "large")
"""COCO's ranges of the annotation's area: any, up to 32², from 32² to 96², from 96² on; the ends are of both."""

_MOST_BYTES = 2**29
"""More than any data set takes; a few bytes can be the compression of as many as one likes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MatchTable:
    """Detections and objects of a test split, matched as COCO does, at most 100 detections an image and class.

    Two tables are equal only if they are one, so that what is computed of a large one can be kept.
    """

    num_images: int
    """Images of the split; those without objects and detections count too."""
    num_classes: int
    """Classes, without the background."""
    image: NDArray[np.int64]
    """Of each detection its image, in [0, num_images), rising; within an image the best of a class comes first
    (num_detections,)."""
    label: NDArray[np.int64]
    """Its class, in [0, num_classes): (num_detections,)."""
    score: NDArray[np.float32]
    """Its score (num_detections,)."""
    hit: NDArray[np.bool_]
    """Whether it matched an object, by area and threshold (num_detections, 4, 10)."""
    ignored: NDArray[np.bool_]
    """Whether it counts neither for nor against, by area and threshold (num_detections, 4, 10)."""
    objects: NDArray[np.int64]
    """How many objects count, by image, class and area (num_images, num_classes, 4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Matches:
    """A `MatchTable` as text, compressed."""

    num_images: int
    """Images of the split."""
    num_classes: int
    """Classes, without the background."""
    num_detections: int
    """Detections, those that count for nothing included."""
    data: str
    """zlib's compression of image (uint32), label (uint16), score (float32), and the bits of hit and ignored, each
    array whole before the next, little-endian, followed by the objects (uint16); base64."""

    @classmethod
    def pack(cls, table: MatchTable) -> "Matches":
        """Compress a table."""
        parts = [
            table.image.astype("<u4").tobytes(),
            table.label.astype("<u2").tobytes(),
            table.score.astype("<f4").tobytes(),
            np.packbits(table.hit).tobytes(),
            np.packbits(table.ignored).tobytes(),
            table.objects.astype("<u2").tobytes(),
        ]
        return cls(
            num_images=table.num_images,
            num_classes=table.num_classes,
            num_detections=len(table.image),
            data=base64.b64encode(zlib.compress(b"".join(parts), 9)).decode(),
        )

    def unpack(self) -> MatchTable:
        """The table.

        Raises:
            ValueError: If the data is damaged.
        """
        number, shape = self.num_detections, (self.num_detections, len(AREAS), len(IOU_THRESHOLDS))
        if min(number, self.num_images, self.num_classes) < 0:
            raise ValueError(f"{number} detections of {self.num_classes} classes in {self.num_images} images")
        bits = math.prod(shape)
        num_bytes = [4 * number, 2 * number, 4 * number, -(-bits // 8), -(-bits // 8)]
        num_bytes.append(2 * self.num_images * self.num_classes * len(AREAS))
        content = _decompressed(self.data, sum(num_bytes))
        parts = np.split(np.frombuffer(content, dtype=np.uint8), np.cumsum(num_bytes)[:-1])
        image, label, score, hit, ignored, objects = parts
        images, labels = image.view("<u4").astype(np.int64), label.view("<u2").astype(np.int64)
        if images.max(initial=-1) >= self.num_images or labels.max(initial=-1) >= self.num_classes:
            raise ValueError(f"a detection is of none of {self.num_images} images and {self.num_classes} classes")
        return MatchTable(
            num_images=self.num_images,
            num_classes=self.num_classes,
            image=images,
            label=labels,
            score=score.view("<f4").astype(np.float32),
            hit=np.unpackbits(hit, count=bits).astype(np.bool_).reshape(shape),
            ignored=np.unpackbits(ignored, count=bits).astype(np.bool_).reshape(shape),
            objects=objects.view("<u2").astype(np.int64).reshape(self.num_images, self.num_classes, len(AREAS)),
        )


def _decompressed(data: str, num_bytes: int) -> bytes:
    """What was compressed, which must be so many bytes; a damaged record cannot ask for more memory."""
    if num_bytes > _MOST_BYTES:
        raise ValueError(f"so many detections and images take {num_bytes} bytes; at most {_MOST_BYTES} are read")
    decompressor = zlib.decompressobj()
    try:
        content = decompressor.decompress(base64.b64decode(data, validate=True), num_bytes + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(content) != num_bytes or not decompressor.eof:
        raise ValueError(f"the data does not hold the {num_bytes} bytes of so many detections and images")
    return content
