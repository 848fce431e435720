"""The real things that cluttered scenes are drawn from: handwritten digits or clothing, cut out of their background."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from attnbench.data.base import Split
from attnbench.data.cluttered_digits import CLASSES as DIGITS
from attnbench.data.cluttered_digits import source_splits
from attnbench.data.fashion_mnist import CLASSES as CLOTHING
from attnbench.data.fashion_mnist import FashionMNIST
from attnbench.spec import Recipe

ItemKind: TypeAlias = Literal["digits", "fashion-mnist"]
"""scikit-learn's 1,797 digits, which are always there, or Fashion-MNIST's 70,000 items."""

CLASSES: dict[ItemKind, tuple[str, ...]] = {
    "digits": DIGITS,
    "fashion-mnist": CLOTHING,
}
"""Names of the classes, in the order of the labels."""

_STEPS = 64
# Grey levels of 255 from which a pixel belongs to the item: half a pen's stroke; anything but black.
_LEVELS: dict[ItemKind, int] = {"digits": 110, "fashion-mnist": 24}
_ENLARGED: dict[ItemKind, int] = {"digits": 12, "fashion-mnist": 4}


@dataclass(frozen=True)
class Sources:
    """The items of one split, as they were published."""

    kind: ItemKind
    """What they are."""
    pixels: NDArray[np.uint8]
    """Grey levels (num_items, H, W)."""
    labels: NDArray[np.int64]
    """Classes, in [0, 10): (num_items,)."""


@dataclass(frozen=True)
class Item:
    """One item, enlarged, cut out and trimmed."""

    shade: NDArray[np.int32]
    """Brightness, 0 to 255 (H, W)."""
    coverage: NDArray[np.int32]
    """How much of each pixel it covers, 0 to 255; from 128 on, the pixel is the item's (H, W)."""


def read_sources(kind: ItemKind, root: Path | None) -> dict[Split, Sources]:
    """The items of each split; no item is in two of them.

    Args:
        kind: What they are.
        root: Folder of Fashion-MNIST's files; none for where they usually lie.

    Raises:
        DataError: If they are missing or damaged.
    """
    if kind == "digits":
        # Imported here: it takes a second, which only this set needs to pay.
        from sklearn.datasets import load_digits

        bundle = load_digits()
        pixels = np.minimum(bundle.images.astype(np.int64) * 16, 255).astype(np.uint8)
        labels = bundle.target.astype(np.int64)
        return {split: Sources(kind, pixels[chosen], labels[chosen]) for split, chosen in source_splits(labels).items()}
    data = FashionMNIST(root=root, recipe=Recipe(), seed=0, device=torch.device("cpu"))
    _, images = data.read()
    return {split: Sources(kind, of_split.pixels[:, 0], of_split.labels) for split, of_split in images.items()}


def cut_out(sources: Sources, index: int) -> Item:
    """One item, smoothly enlarged: its largest connected part, and of clothing also what that part encloses."""
    pixels = sources.pixels[index].astype(np.int64)
    factor, level = _ENLARGED[sources.kind], _LEVELS[sources.kind]
    # A margin, so that the outline closes where an item touches the border of its picture.
    enlarged = _enlarged(np.pad(pixels, 1), factor)
    if sources.kind == "digits":
        soft = 128 + 8 * (enlarged - level)
    else:
        filled = ndimage.binary_fill_holes(pixels >= level)
        soft = 128 + 3 * (_enlarged(np.pad(255 * _largest_part(filled).astype(np.int64), 1), factor) - 128)
    coverage = np.clip(soft, 0, 255)
    # Nothing but the largest part and its soft rim.
    kept = np.where(ndimage.binary_dilation(_largest_part(coverage >= 128), iterations=3), coverage, 0)
    rows, columns = (_span(np.flatnonzero(kept.any(axis))) for axis in (1, 0))
    return Item(np.clip(enlarged, 0, 255).astype(np.int32)[rows, columns], kept.astype(np.int32)[rows, columns])


def _span(places: NDArray[np.int64]) -> slice:
    """From one before the first of increasing places to one after the last."""
    return slice(max(0, int(places[0]) - 1), int(places[-1]) + 2) if len(places) else slice(0, 2)


def _largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest of a mask's connected parts; the first of several."""
    parts, number = ndimage.label(mask)
    if number == 0:
        return mask
    largest: NDArray[np.bool_] = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    return largest


def _enlarged(pixels: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    """Enlarge an image by cubic convolution, in whole numbers."""
    rows, columns = (_cubic(length, factor) for length in pixels.shape)
    # Whole numbers are added up exactly in any order, so the scenes are the same on every machine.
    result: NDArray[np.int64] = rows.T @ pixels @ columns // _STEPS**2
    return result


@lru_cache
def _cubic(length: int, factor: int) -> NDArray[np.int64]:
    """What each of `length` pixels gives to each of `length * factor`, in 64ths: (length, length * factor)."""
    place = (np.arange(length * factor) + 0.5) / factor - 0.5
    distance = np.abs(place - np.arange(length)[:, None])
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weight = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    whole: NDArray[np.int64] = np.rint(_STEPS * weight).astype(np.int64)
    return whole
