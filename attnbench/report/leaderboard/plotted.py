"""What the plots of a leaderboard show, whoever draws them: costs, curves, differences, and the names of axes."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Literal, TypeAlias

from attnbench.report.front import ParetoPoint
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.numbers import macs_unit, plural_range
from attnbench.stats import Ratio

BoardCost: TypeAlias = Literal["parameters", "macs", "time"]
"""What accuracy stands against: trainable parameters, multiply-accumulates, or time over the baseline's."""

DIFFERENCE_LABEL = "Δ top-1 to the baseline (points)"
"""Axis of differences."""
TIME_LABEL = "inference time (× the baseline's), median"
"""Axis of times."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line of one variant, such as its validation accuracy, one number an epoch."""

    places: tuple[int, ...]
    """Where the numbers stand: epochs, counted from 1, or whatever the plot has on its horizontal axis."""
    means: tuple[float, ...]
    """Mean over seeds, in the unit of the plot's vertical axis."""
    deviations: tuple[float | None, ...]
    """Standard deviation over seeds; none for one seed."""

    @property
    def low(self) -> list[float]:
        """Lower edge of the band, 1 standard deviation below the mean."""
        return [mean - (deviation or 0.0) for mean, deviation in zip(self.means, self.deviations, strict=True)]

    @property
    def high(self) -> list[float]:
        """Upper edge of it."""
        return [mean + (deviation or 0.0) for mean, deviation in zip(self.means, self.deviations, strict=True)]


def curve_of(row: Row) -> Curve:
    """Validation accuracy of a variant, percent, over the seeds that have an epoch."""
    return mean_curve((point.epoch, point.validation_top1_percent) for record in row.records for point in record.curve)


def mean_curve(points: Iterable[tuple[int, float]]) -> Curve:
    """The means of what stands at the same place.

    Args:
        points: Places and values of all seeds.
    """
    values: dict[int, list[float]] = {}
    for place, value in points:
        values.setdefault(place, []).append(value)
    places = tuple(sorted(values))
    return Curve(
        places=places,
        means=tuple(fmean(values[place]) for place in places),
        deviations=tuple(stdev(values[place]) if len(values[place]) > 1 else None for place in places),
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


def relative_time(speed: Ratio) -> Ratio:
    """Inference time over the baseline's: the inverse of the table's relative speed, and of its quartiles."""
    return Ratio(1 / speed.median, 1 / speed.upper_quartile, 1 / speed.lower_quartile, speed.num_pairs)


def cost_points(board: Leaderboard, cost: BoardCost) -> tuple[ParetoPoint, ...]:
    """The variants of a leaderboard with their costs, in the order of its rows."""

    def point(row: Row) -> ParetoPoint:
        time = relative_time(row.throughput_ratio)
        costs: dict[BoardCost, float] = {"parameters": row.parameters, "macs": row.macs, "time": time.median}
        return ParetoPoint(
            variant=row.variant,
            is_baseline=row.is_baseline,
            cost=costs[cost],
            quartiles=(time.lower_quartile, time.upper_quartile) if cost == "time" else None,
            percent=row.top1_percent,
        )

    return tuple(point(row) for row in board.rows)


def cost_label(board: Leaderboard, cost: BoardCost) -> tuple[str, float]:
    """The axis of a cost, and what its numbers are divided by."""
    if cost == "time":
        return TIME_LABEL, 1.0
    if cost == "parameters":
        return parameters_label("parameters", max(row.parameters for row in board.rows))
    unit, size = macs_unit(max(row.macs for row in board.rows))
    return f"multiply-accumulates of one image ({unit})", size


def parameters_label(what: str, most: int) -> tuple[str, float]:
    """The axis of parameters, and what its numbers are divided by.

    Args:
        what: Whose parameters.
        most: The largest number.
    """
    return (f"{what} (millions)", 1e6) if most >= 1e6 else (f"{what} (thousands)", 1e3)


def accuracy_label(board: Leaderboard) -> str:
    """The axis of test accuracies."""
    return f"top-1 accuracy (%), {_over_seeds(board)}"


def validation_label(board: Leaderboard) -> str:
    """The axis of learning curves."""
    return f"validation top-1 (%), {_over_seeds(board)}"


def seeds_of(board: Leaderboard) -> str:
    """How many seeds the variants have, from the fewest to the most."""
    return plural_range((len(row.records) for row in board.rows), "seed")


def _over_seeds(board: Leaderboard) -> str:
    return over_seeds(len(row.records) for row in board.rows)


def over_seeds(numbers: Iterable[int]) -> str:
    """The end of a label: what a mean is over, if it is one.

    Args:
        numbers: How many seeds each variant has.
    """
    seeds = plural_range(numbers, "seed")
    return seeds if seeds == "1 seed" else f"mean over {seeds}"
