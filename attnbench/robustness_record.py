"""What a model gets right on corrupted test images, as a record keeps it: image by image."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from attnbench.packed import PackedBits, fault_of_bits
from attnbench.spec import Corruption, Measure

if TYPE_CHECKING:
    from attnbench.record import Values


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrupted:
    """One pass over the test split, corrupted in one way and strength."""

    corruption: Corruption
    """What was done to the images."""
    strength: float
    """How much, in the corruption's own unit; see `attnbench.measure.corruption`."""
    test_correct: PackedBits
    """For each test image, in the data set's order, whether the top-1 prediction was right."""


def fault_of_robustness(found: Sequence[Corrupted] | None, measure: Measure, values: "Values") -> str | None:
    """What contradicts itself in it, in words, or none."""
    named = tuple(corruption for corruption, _ in groupby(corrupted.corruption for corrupted in found or ()))
    if named != measure.corruptions:
        wanted = ", ".join(measure.corruptions) or "none"
        return f"robustness must be of the corruptions {wanted}; got {', '.join(named) or 'none'}"
    for corrupted in found or ():
        if corrupted.strength <= 0:
            return f"the strengths of {corrupted.corruption} must be positive; got {corrupted.strength:g}"
    for before, after in pairwise(found or ()):
        if before.corruption == after.corruption and not before.strength < after.strength:
            return f"the strengths of {before.corruption} must grow; got {before.strength:g} and {after.strength:g}"
    for corrupted in found or ():
        what = f"test_correct under {corrupted.corruption} {corrupted.strength:g}"
        fault = fault_of_bits(what, corrupted.test_correct, num_images=values.num_test_images)
        if fault is not None:
            return fault
    return None
