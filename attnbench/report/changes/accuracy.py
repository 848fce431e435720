"""How far the accuracy of one variant has moved between two stores, and how surely.

Where both have runs of the same seeds on the same test images, seeds and images are paired, as two variants of one
leaderboard are. Another folder may hold other images. Where nothing is paired, what is left are two samples of seeds,
which B. L. Welch's t compares: "The Generalization of 'Student's' Problem when Several Different Population Variances
are Involved" (1947), https://doi.org/10.1093/biomet/34.1-2.28.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

# scipy.stats has the same and takes a second to import.
from scipy.special import stdtr, stdtrit

from attnbench.record import Record
from attnbench.report.leaderboard.differences import ALPHA, all_differences
from attnbench.stats import holm_adjusted


@dataclass(frozen=True, kw_only=True)
class AccuracyChange:
    """Top-1 accuracy of a variant in A less that in B, in percentage points."""

    mean: float
    """Over the seeds of both where they are paired, else the difference of the two means."""
    low: float | None
    """Lower end of the 95 % interval; none where unpaired runs are too few for one."""
    high: float | None
    """Upper end of it."""
    paired_seeds: tuple[int, ...]
    """Seeds that both have on the same test images, sorted. Empty where nothing is paired."""
    num_seeds: tuple[int, int]
    """Seeds compared, of B and of A."""
    p_value: float | None
    """Of the test that nothing has changed; none where unpaired runs are too few for one."""
    smallest_p: float
    """The least p-value that these seeds allow."""
    p_corrected: float | None = None
    """The p-value after Holm's correction over the variants of the board."""
    family_size: int = 0
    """Variants in that family."""

    @property
    def is_paired(self) -> bool:
        """Whether seeds and images are paired."""
        return bool(self.paired_seeds)

    @property
    def is_over_seeds(self) -> bool:
        """Whether the test tells of more than two trained networks."""
        return self.p_value is not None and min(self.num_seeds) > 1

    @property
    def is_shown(self) -> bool:
        """Whether it passed the correction, over seeds."""
        return self.is_over_seeds and self.p_corrected is not None and self.p_corrected <= ALPHA

    @property
    def is_shown_for_networks(self) -> bool:
        """Whether the two networks of one seed differ on these images, after the correction."""
        return not self.is_over_seeds and self.p_corrected is not None and self.p_corrected <= ALPHA

    @property
    def can_be_shown(self) -> bool:
        """Whether these seeds could show any change in this family, however large."""
        return self.is_over_seeds and self.smallest_p <= ALPHA / max(1, self.family_size)


def accuracy_change(before: Sequence[Record], after: Sequence[Record]) -> AccuracyChange:
    """The change of one variant, not corrected yet.

    Args:
        before: Its records in B, one a seed.
        after: Its records in A.
    """
    if _same_images(before, after):
        differences = all_differences({"after": after, "before": before})
        if differences:
            found = differences[0]
            return AccuracyChange(
                mean=found.mean,
                low=found.low,
                high=found.high,
                paired_seeds=found.seeds,
                num_seeds=(len(found.seeds), len(found.seeds)),
                p_value=found.test.p_value,
                smallest_p=found.test.smallest_p,
            )
    return _welch(*([record.values.test_top1_percent for record in side] for side in (before, after)))


def corrected_changes(changes: Sequence[AccuracyChange]) -> list[AccuracyChange]:
    """The same changes as one family: Holm's correction over those that are tested."""
    adjusted = iter(holm_adjusted([change.p_value for change in changes if change.p_value is not None]))
    size = sum(change.p_value is not None for change in changes)
    return [
        replace(change, family_size=size, p_corrected=None if change.p_value is None else next(adjusted))
        for change in changes
    ]


def _same_images(before: Sequence[Record], after: Sequence[Record]) -> bool:
    """Whether all were tested on as many images of one data set and folder, made from the same sources."""
    records = [*before, *after]
    # Records of before there were sources say nothing of them, and the others' are those of their images too.
    sources = {record.test_sources for record in records if record.test_sources is not None}
    images = {(record.spec.data, record.spec.root, record.values.num_test_images) for record in records}
    return len(images) == 1 and len(sources) <= 1


def _welch(before: Sequence[float], after: Sequence[float]) -> AccuracyChange:
    """Welch's t interval and test of the difference of two means over seeds, percent."""
    mean = float(np.mean(after) - np.mean(before))
    change = AccuracyChange(
        mean=mean,
        low=None,
        high=None,
        paired_seeds=(),
        num_seeds=(len(before), len(after)),
        p_value=None,
        smallest_p=0.0,
    )
    if min(len(before), len(after)) < 2:
        return change
    parts = [float(np.var(side, ddof=1)) / len(side) for side in (before, after)]
    if not sum(parts):
        return change  # seeds that agree by chance know nothing of how much others differ
    degrees = sum(parts) ** 2 / sum(
        part**2 / (len(side) - 1) for part, side in zip(parts, (before, after), strict=True)
    )
    error = math.sqrt(sum(parts))
    half_width = float(stdtrit(degrees, 0.975)) * error
    p_value = min(1.0, 2 * float(stdtr(degrees, -abs(mean) / error)))
    return replace(change, low=mean - half_width, high=mean + half_width, p_value=p_value)
