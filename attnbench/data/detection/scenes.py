"""Draws cluttered scenes: tinted items of many sizes that hide one another, among fragments of others.

Everything is computed in whole numbers, from a generator of its own for each
scene: a scene is the same on every machine, whichever others are drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attnbench.data.detection.backgrounds import draw_background
from attnbench.data.detection.items import Sources, cut_out
from attnbench.data.detection.pasting import Patch, lay, place

VERSION = 1
"""Version of the drawing: raise it with every change of what is drawn."""

NUM_ITEMS = (2, 6)
"""Least and greatest number of items that a scene begins with."""

# Sides of squares as large as the whole item's mask, pixels: COCO's ranges end at 32 and 96.
_SIDES = {"small": (14, 30), "medium": (36, 84), "large": (116, 142)}
# A scene has one large item at most, behind the others, or nothing else would be seen.
_LARGE_SHARE = 0.9
_SMALL_SHARE = 0.54
_MOST_OF_SIZE = 0.74
_NUM_FRAGMENTS = (2, 6)
_FRAGMENT_SIDES = (12, 50)
_PLACES_TRIED = 4
# What is hidden further is not drawn: nobody could tell what it is.
_LEAST_VISIBLE = 0.3
_LEAST_PIXELS = 64


@dataclass(frozen=True)
class Scene:
    """An image and the items that can be seen in it."""

    pixels: NDArray[np.uint8]
    """RGB (size, size, 3)."""
    labels: NDArray[np.int64]
    """Class of each item, in [0, num_classes): (num_items,)."""
    sources: NDArray[np.int64]
    """Index of each item's source in its split (num_items,)."""
    masks: NDArray[np.bool_]
    """Visible pixels of each item (num_items, size, size)."""


def draw_scene(sources: Sources, *, size: int, seed: tuple[int, ...]) -> Scene:
    """Draw one scene.

    Args:
        sources: Items to draw from.
        size: Height and width of the image, pixels.
        seed: Names the scene.
    """
    # RandomState, since numpy promises that its stream never changes.
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(seed)))
    image = draw_background(size, random)
    patches = _visible(_arranged(sources, size, random), size)
    owner = np.full((size, size), -1, dtype=np.int64)
    for number, patch in enumerate(patches):
        lay(image, patch)
        owner[patch.rows, patch.columns][patch.coverage >= 128] = number
    shown = [number for number, patch in enumerate(patches) if not patch.is_fragment]
    indices = np.array([patches[number].source for number in shown], dtype=np.int64)
    return Scene(
        pixels=np.clip(image, 0, 255).astype(np.uint8),
        labels=sources.labels[indices],
        sources=indices,
        masks=owner == np.array(shown)[:, None, None],
    )


def _arranged(sources: Sources, size: int, random: np.random.RandomState) -> list[Patch]:
    """Items and fragments at their places, the hindmost first."""
    num_items = random.randint(NUM_ITEMS[0], NUM_ITEMS[1] + 1)
    num_fragments = random.randint(_NUM_FRAGMENTS[0], _NUM_FRAGMENTS[1] + 1)
    has_large = random.uniform() < _LARGE_SHARE
    others = ["small" if random.uniform() < _SMALL_SHARE else "medium" for _ in range(num_items - has_large)]
    others += ["fragment"] * num_fragments
    kinds = ["large"] * has_large + [others[number] for number in random.permutation(len(others))]
    taken = np.zeros((size, size), dtype=np.bool_)
    patches = []
    for kind in kinds:
        index = _draw_source(sources, random)
        side = _draw_side(kind, size, random)
        patch = place(
            cut_out(sources, index), index, side, taken, random, is_fragment=kind == "fragment", tries=_PLACES_TRIED
        )
        if kind != "large":
            taken[patch.rows, patch.columns] |= patch.coverage >= 128
        patches.append(patch)
    return patches


def _draw_source(sources: Sources, random: np.random.RandomState) -> int:
    # The class first, so that all are as frequent.
    members = np.flatnonzero(sources.labels == random.randint(sources.labels.max() + 1))
    return int(members[random.randint(len(members))])


def _draw_side(kind: str, size: int, random: np.random.RandomState) -> float:
    low, high = _FRAGMENT_SIDES if kind == "fragment" else _SIDES[kind]
    return min(float(np.exp(random.uniform(np.log(low), np.log(high)))), _MOST_OF_SIZE * size)


def _visible(patches: list[Patch], size: int) -> list[Patch]:
    """The patches without the items of which too little would be seen."""
    covered = np.zeros((size, size), dtype=np.bool_)
    kept = []
    for patch in reversed(patches):
        own = patch.coverage >= 128
        seen = int((own & ~covered[patch.rows, patch.columns]).sum())
        if patch.is_fragment or seen >= max(_LEAST_VISIBLE * patch.whole_area, _LEAST_PIXELS):
            covered[patch.rows, patch.columns] |= own
            kept.append(patch)
    return kept[::-1]
