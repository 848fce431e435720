"""The drawings of `attnbench detect`: their files, what is drawn of objects, and what is said of them."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from attnbench.errors import SpecError, StoreError
from attnbench.printable import printable
from attnbench.store import write_whole

if TYPE_CHECKING:
    from PIL.Image import Image

    from attnbench.detections import Objects
    from attnbench.visualize import Mark

SUFFIX = "-detections.png"
"""What the name of a drawing ends in."""


def drawings_of(images: Sequence[Path], output: Path | None) -> dict[Path, Path]:
    """The file of each image's drawing.

    Raises:
        SpecError: If two would have the same, or one would replace an image.
    """
    files = {image: (output or image.parent) / f"{image.stem}{SUFFIX}" for image in images}
    owners: dict[Path, Path] = {}
    originals = {image.resolve() for image in images}
    for image, file in files.items():
        if file.resolve() in originals:
            raise SpecError(f"the drawing of {image} would replace the image {file}; name another folder by --output")
        if (owner := owners.setdefault(file.resolve(), image)) != image:
            raise SpecError(f"{owner} and {image} would both be drawn into {file}; draw them one after the other")
    return files


def marks_of(objects: "Objects", classes: Sequence[str]) -> "list[Mark]":
    """What is drawn of objects: true ones white and dashed, those found in the colours of their classes."""
    from attnbench.visualize import Mark, class_colour

    marks = []
    for index, (box, label) in enumerate(zip(objects.boxes.tolist(), objects.labels.tolist(), strict=True)):
        caption = one_line(classes[label - 1])
        mask = None if objects.masks is None else objects.masks[index]
        if objects.scores is not None:
            caption = f"{caption} {objects.scores[index]:.2f}"
            marks.append(Mark(box=tuple(box), caption=caption, colour=class_colour(label), mask=mask))
        else:
            is_crowd = objects.crowds is not None and objects.crowds[index]
            marks.append(
                Mark(box=tuple(box), caption=f"{caption} (crowd)" if is_crowd else caption, mask=mask, dashed=True)
            )
    return marks


def summary_of(found: "Objects", classes: Sequence[str]) -> str:
    """The classes, the surest first, and how often each was found: `2 × cat 0.93, dog 0.55`."""
    assert found.scores is not None
    labels = found.labels.tolist()
    best = dict(reversed(list(zip(labels, found.scores.tolist(), strict=True))))
    parts = []
    for label in sorted(best, key=lambda label: -best[label]):
        number = labels.count(label)
        times = f"{number} × " if number > 1 else ""
        parts.append(f"{times}{shown(classes[label - 1])} {best[label]:.2f}")
    return ", ".join(parts)


def one_line(text: str) -> str:
    """Text that came from elsewhere, fit to be drawn in one line."""
    return printable(" ".join(text.split()))


def shown(text: object) -> str:
    """Text that came from elsewhere, fit for rich."""
    return escape(one_line(str(text)))


def write_picture(picture: "Image", file: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        StoreError: If it cannot be written.
    """
    content = io.BytesIO()
    picture.save(content, format="PNG")
    try:
        write_whole(file, content.getvalue())
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror or error}") from error
