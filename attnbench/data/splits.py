"""Fixed, stratified choices of images: the same on every machine and for every seed of a run."""

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import SpecError


def stratified(labels: NDArray[np.integer], number: int, *, seed: int) -> NDArray[np.int64]:
    """Choose images so that each class keeps its share, to within one image.

    Args:
        labels: Class of each image (num_images,).
        number: How many images to choose.
        seed: Names the choice.

    Returns:
        Their indices, increasing (number,).
    """
    # RandomState, since numpy promises that its stream never changes.
    random = np.random.RandomState(seed)
    # The place of an image in its shuffled class, as a fraction of the class: the lowest are taken of all classes.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[random.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:number]).astype(np.int64)


def complement(chosen: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    """The indices in [0, number) that were not chosen, increasing."""
    return np.setdiff1d(np.arange(number, dtype=np.int64), chosen)


def hold_out(
    labels: NDArray[np.integer], num_validation: int, *, num_train: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide a training file into a training and a validation split.

    Args:
        labels: Class of each image of the file.
        num_validation: Images of the validation split.
        num_train: Images to keep of the rest, stratified; none keeps them all.

    Returns:
        Indices of the training and of the validation split.

    Raises:
        SpecError: If more are to be kept than there are.
    """
    validation = stratified(labels, num_validation, seed=0)
    train = complement(validation, len(labels))
    if num_train is None:
        return train, validation
    if not 1 <= num_train <= len(train):
        raise SpecError(f"train_images must lie in [1, {len(train)}], or be none for all; got train_images={num_train}")
    return train[stratified(labels[train], num_train, seed=1)], validation
