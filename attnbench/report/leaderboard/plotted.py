"""What the plots of a leaderboard show, whoever draws them: costs, curves, differences, and the names of axes."""

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal, TypeAlias

from attnbench.report.front import ParetoPoint
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.numbers import macs_unit, plural
from attnbench.stats import Ratio

BoardCost: TypeAlias = Literal["parameters", "macs", "time"]
"""What accuracy stands against: trainable parameters, multiply-accumulates, or time over the baseline's."""

DIFFERENCE_LABEL = "Δ top-1 to the baseline (points)"
"""Axis of differences."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Validation accuracy of one variant, one number an epoch."""

    epochs: tuple[int, ...]
    """Counted from 1."""
    means: tuple[float, ...]
    """Mean top-1 accuracy over seeds, percent."""
    deviations: tuple[float | None, ...]
    """Standard deviation over seeds, points; none for one seed."""

    @property
    def low(self) -> list[float]:
        """Lower edge of the band, 1 standard deviation below the mean."""
        return [mean - (deviation or 0.0) for mean, deviation in zip(self.means, self.deviations, strict=True)]

    @property
    def high(self) -> list[float]:
        """Upper edge of it."""
        return [mean + (deviation or 0.0) for mean, deviation in zip(self.means, self.deviations, strict=True)]


def curve_of(row: Row) -> Curve:
    """The mean curve of a variant, over the seeds that have an epoch."""
    percents: dict[int, list[float]] = {}
    for record in row.records:
        for point in record.curve:
            percents.setdefault(point.epoch, []).append(point.validation_top1_percent)
    epochs = tuple(sorted(percents))
    return Curve(
        epochs=epochs,
        means=tuple(fmean(percents[epoch]) for epoch in epochs),
        deviations=tuple(stdev(percents[epoch]) if len(percents[epoch]) > 1 else None for epoch in epochs),
    )


def seed_differences(board: Leaderboard, row: Row) -> dict[int, float]:
    """Top-1 accuracy of a variant less the baseline's after each seed that both have, percentage points."""
    assert board.baseline is not None, "there is no difference without a baseline"
    return paired_by_seed(row, board.baseline)


def paired_by_seed(row: Row, other: Row) -> dict[int, float]:
    """Top-1 accuracy of a variant less another's after each seed that both have, percentage points.

    From whole numbers of images, so that equal ones differ by nothing.
    """
    counts, others = (
        {record.spec.seed: record.test_correct.num_true for record in side.records} for side in (row, other)
    )
    num_images = row.records[0].values.num_test_images
    return {seed: 100 * (counts[seed] - others[seed]) / num_images for seed in sorted(counts.keys() & others.keys())}


def relative_time(row: Row) -> Ratio:
    """Inference time over the baseline's: the inverse of the table's relative speed, and of its quartiles."""
    speed = row.throughput_ratio
    return Ratio(1 / speed.median, 1 / speed.upper_quartile, 1 / speed.lower_quartile, speed.num_pairs)


def cost_points(board: Leaderboard, cost: BoardCost) -> tuple[ParetoPoint, ...]:
    """The variants of a leaderboard with their costs, in the order of its rows."""

    def point(row: Row) -> ParetoPoint:
        time = relative_time(row)
        costs: dict[BoardCost, float] = {"parameters": row.parameters, "macs": row.macs, "time": time.median}
        return ParetoPoint(
            variant=row.variant,
            is_baseline=row.is_baseline,
            cost=costs[cost],
            quartiles=(time.lower_quartile, time.upper_quartile) if cost == "time" else None,
            top1_percent=row.top1_percent,
        )

    return tuple(point(row) for row in board.rows)


def cost_label(board: Leaderboard, cost: BoardCost) -> tuple[str, float]:
    """The axis of a cost, and what its numbers are divided by."""
    if cost == "time":
        return "inference time (× the baseline's), median", 1.0
    if cost == "parameters":
        most = max(row.parameters for row in board.rows)
        return ("parameters (millions)", 1e6) if most >= 1e6 else ("parameters (thousands)", 1e3)
    unit, size = macs_unit(max(row.macs for row in board.rows))
    return f"multiply-accumulates of one image ({unit})", size


def accuracy_label(board: Leaderboard) -> str:
    """The axis of test accuracies."""
    return f"top-1 accuracy (%), {_over_seeds(board)}"


def validation_label(board: Leaderboard) -> str:
    """The axis of learning curves."""
    return f"validation top-1 (%), {_over_seeds(board)}"


def seeds_of(board: Leaderboard) -> str:
    """How many seeds the variants have, from the fewest to the most."""
    counts = sorted({len(row.records) for row in board.rows})
    return plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def _over_seeds(board: Leaderboard) -> str:
    """The same for a label's end: what a mean is over, if it is one."""
    seeds = seeds_of(board)
    return seeds if seeds == "1 seed" else f"mean over {seeds}"
