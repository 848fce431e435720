"""The table of what is right on corrupted images, and the sentences below it."""

from attnbench.report.leaderboard.cells import Cell, TableColumn, TablePart
from attnbench.report.leaderboard.corrupted import Robustness
from attnbench.report.leaderboard.score_columns import (
    differences_line,
    intervals_line,
    score_column,
    score_difference_column,
)
from attnbench.spec import Corruption

STRENGTHS: dict[Corruption, str] = {
    "noise": "standard deviation of added Gaussian noise, in standard deviations of the training images",
    "blur": "σ of a Gaussian, pixels",
    "occlusion": "share of the image hidden by one rectangle of the mean colour",
    "clutter": "area of square patches of other test images, of the image's",
}
"""What the strength of each corruption is."""
AXES: dict[Corruption, str] = {
    "noise": "standard deviation (of the training images)",
    "blur": "σ (pixels)",
    "occlusion": "hidden share of the image",
    "clutter": "area of patches (of the image's)",
}
"""The same as the label of an axis."""

_READING = (
    "Every model meets the same corrupted images. A lead on clean images carries over to them, and every lead shrinks "
    "where accuracy nears chance: read Δ beside Δ top-1, and beside the accuracy at each strength, which --plots draws."
)


def corrupted_part(found: Robustness) -> TablePart:
    """The table: under each corruption the mean accuracy over its strengths, and the difference to the baseline."""
    families = [
        [one[corruption].top1.difference for one in found.variants.values()] for corruption in found.strengths
    ]  # fmt: skip
    notes = [
        "Top-1 on all test images made worse, the mean over the strengths without the clean images. Strengths: "
        f"{'; '.join(_strengths(found, corruption) for corruption in found.strengths)}.",
        _READING if any(difference for family in families for difference in family) else "",
        intervals_line([one.top1 for of_variant in found.variants.values() for one in of_variant.values()]),
        differences_line([[one for one in family if one is not None] for family in families]),
    ]
    return TablePart(
        name="Robustness",
        rows=tuple(found.variants),
        num_variants=len(found.variants),
        groups=tuple(_columns(found, corruption) for corruption in found.strengths),
        raw=tuple(_retained(found, corruption) for corruption in found.strengths),
        notes=tuple(filter(None, notes)),
    )


def _columns(found: Robustness, corruption: Corruption) -> tuple[TableColumn, ...]:
    scores = [of_variant[corruption].top1 for of_variant in found.variants.values()]
    top1 = score_column(scores, header=f"{corruption} %", key=f"{corruption}_top1")
    if all(score.difference is None for score in scores):
        return (top1,)
    return top1, score_difference_column(scores, key=f"{corruption}_top1")


def _retained(found: Robustness, corruption: Corruption) -> TableColumn:
    """What is left of the accuracy on clean images."""
    cells = (Cell(raw=(of_variant[corruption].retained_percent,)) for of_variant in found.variants.values())
    return TableColumn(header="", keys=(f"{corruption}_top1_retained_percent",), cells=tuple(cells))


def _strengths(found: Robustness, corruption: Corruption) -> str:
    numbers = ", ".join(f"{strength:g}" for strength in found.strengths[corruption])
    beneath = ", beneath the object where the data set knows it" if corruption == "clutter" else ""
    return f"{corruption} {numbers} ({STRENGTHS[corruption]}{beneath})"
