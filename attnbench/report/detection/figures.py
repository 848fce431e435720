"""The APs of one variant beside the baseline's: means over seeds, with intervals over test images and seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import stdtrit

from attnbench.detection_record import AveragePrecisions
from attnbench.matches import MatchTable
from attnbench.stats.average_precision import PrecisionInterval, ap_differences, ap_intervals
from attnbench.stats.precision_recall import FIGURES

ALPHA = 0.05
"""Level of the comparisons of one detector with its baseline, all together."""
TESTED = "ap"
"""The figure by which variants are compared. The others are parts of it, and are shown without a judgement."""


@dataclass(frozen=True, kw_only=True)
class FigureDifference:
    """A figure of a variant less the baseline's, in percentage points, over the seeds that both have."""

    mean: float
    """Mean over these seeds."""
    interval: PrecisionInterval | None
    """At 95 %, of this difference alone; none where fewer than two images hold an object that counts."""
    seeds: tuple[int, ...]
    """Seeds that both have, sorted. Of one seed, the interval is over images and says nothing of other seeds."""
    excludes_zero: bool | None
    """Whether the interval excludes 0 after Bonferroni's correction; none for a figure that is not `TESTED`."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One of COCO's figures of a variant, in percent."""

    percent: float | None
    """Mean over seeds; none where no object is of that area."""
    interval: PrecisionInterval | None
    """At 95 %; none where fewer than two images hold an object of that area."""
    difference: FigureDifference | None
    """To the baseline; none for the baseline itself and where they share no seed."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """The boxes, or the masks, of a variant or of the baseline."""

    precisions: Mapping[int, AveragePrecisions]
    """The figures of each seed, as the run has computed them."""
    tables: Mapping[int, MatchTable]
    """What they follow from."""

    def percent(self, name: str, seeds: Sequence[int]) -> float | None:
        """Mean of a figure over seeds."""
        values = [getattr(self.precisions[seed], f"{name}_percent") for seed in seeds]
        return None if None in values else float(sum(values) / len(values))


def figures(variant: Tested, baseline: Tested | None, *, num_comparisons: int) -> dict[str, Figure]:
    """COCO's six figures with their intervals, and their differences to the baseline.

    Args:
        variant: What was tested.
        baseline: What it is compared with; none for the baseline itself.
        num_comparisons: Comparisons for which the judgement of a difference is corrected.
    """
    seeds = tuple(sorted(variant.tables))
    intervals = ap_intervals([variant.tables[seed] for seed in seeds]) if _are_several(variant) else {}
    differences = {} if baseline is None else _differences(variant, baseline, num_comparisons)
    return {
        name: Figure(
            percent=variant.percent(name, seeds), interval=intervals.get(name), difference=differences.get(name)
        )
        for name in FIGURES
    }


def _differences(variant: Tested, baseline: Tested, num_comparisons: int) -> dict[str, FigureDifference]:
    seeds = tuple(sorted(variant.tables.keys() & baseline.tables.keys()))
    pairs = [(variant.tables[seed], baseline.tables[seed]) for seed in seeds]
    intervals = ap_differences(pairs, confidence=1 - ALPHA) if seeds and _are_several(variant) else {}
    found = dict[str, FigureDifference]()
    for name in FIGURES if seeds else ():
        own, other = variant.percent(name, seeds), baseline.percent(name, seeds)
        if own is not None and other is not None:
            found[name] = FigureDifference(
                mean=own - other, interval=intervals.get(name), seeds=seeds, excludes_zero=None
            )
    tested = found.get(TESTED)
    if tested is not None:
        found[TESTED] = replace(tested, excludes_zero=_excludes_zero(tested.interval, num_comparisons))
    return found


def _excludes_zero(interval: PrecisionInterval | None, num_comparisons: int) -> bool:
    """Whether 0 lies outside the interval, and outside one of the level that Bonferroni's correction asks for.

    The wider interval is Student's: of the resamples, too few lie so far out.
    """
    if interval is None or interval.contains(0.0):
        return False
    quantile = float(stdtrit(interval.degrees, 1 - ALPHA / (2 * num_comparisons)))
    return abs(interval.mean) > quantile * interval.standard_error


def _are_several(tested: Tested) -> bool:
    """Whether there are images to draw from."""
    return next(iter(tested.tables.values())).num_images > 1
