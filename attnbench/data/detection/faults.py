"""What can be wrong in a file of annotations, what becomes of it, and how that is said."""

from collections.abc import Mapping

FAULTS: dict[str, tuple[str, str]] = {
    "missing_file": ("Images without a file", "left out, with their objects"),
    "duplicate_image": ("Images whose id another has", "left out"),
    "unknown_image": ("Objects in an image that is not listed", "left out"),
    "unknown_category": ("Objects of a category that is not listed", "left out"),
    "duplicate_id": ("Objects whose id another has", "kept, since ids serve no purpose here"),
    "not_finite_box": ("Objects without a box of four finite numbers", "left out"),
    "empty_box": ("Objects whose box has no area", "left out"),
    "outside_box": ("Objects whose box lies outside the image", "left out"),
    "clipped_box": ("Objects whose box leaves the image", "cut off at its border in training, kept in tests"),
    "no_mask": ("Objects without a valid segmentation", "their box is taken where masks are needed"),
    "no_area": ("Objects without a valid area", "their mask's is taken, or else their box's"),
}
"""Every kind of fault: what it is, and what becomes of it."""


def fault_sentences(faults: Mapping[str, int]) -> list[str]:
    """One sentence for each kind of fault that occurs, in the order of `FAULTS`.

    Args:
        faults: Number of each kind.

    >>> fault_sentences({"empty_box": 2, "no_mask": 0})
    ['Objects whose box has no area (empty_box): 2; left out.']
    """
    return [
        f"{what} ({kind}): {faults[kind]:,}; {consequence}."
        for kind, (what, consequence) in FAULTS.items()
        if faults.get(kind)
    ]
