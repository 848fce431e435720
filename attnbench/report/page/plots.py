"""What the page's plots show of a leaderboard: places, intervals and the text of each mark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from attnbench.report.front import ParetoPoint, pareto_front
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.plotted import (
    DIFFERENCE_LABEL,
    BoardCost,
    accuracy_label,
    cost_label,
    cost_points,
    curve_of,
    seed_differences,
    validation_label,
)
from attnbench.report.leaderboard.table import mark
from attnbench.report.numbers import between, four_digits, half_width, macs_unit, p_value, plural, signed_points
from attnbench.report.page.axes import Axis, accuracy_axis, axis, epoch_axis
from attnbench.report.page.runs import drawn, kept_epochs


@dataclass(frozen=True, kw_only=True)
class CostPoint:
    """A variant in a plot of accuracy against cost."""

    cost: float
    """Its cost, as measured."""
    quartiles: tuple[float, float] | None
    """Between them lies half of what was timed; none for what is counted."""
    is_front: bool
    """Whether none is as cheap and more accurate, or as accurate and cheaper."""
    text: str
    """The cost in words."""


@dataclass(frozen=True, kw_only=True)
class CostPlot:
    """Accuracy against one cost."""

    name: str
    """What the chooser calls it."""
    axis: Axis
    """Of the cost."""
    points: tuple[CostPoint, ...]
    """In the order of the table's rows."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Validation accuracy of a variant after one epoch, over its seeds."""

    epoch: int
    """Counted from 1."""
    mean: float
    """Mean over seeds, %."""
    low: float
    """1 standard deviation over seeds below it."""
    high: float
    """The same above it."""
    text: str
    """These in words."""


@dataclass(frozen=True, kw_only=True)
class SeedDelta:
    """Top-1 accuracy of one seed less the baseline's of the same seed."""

    seed: int
    """The seed."""
    digest: str
    """Digest of the variant's spec with it."""
    points: float
    """Percentage points."""
    text: str
    """These, rounded."""


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Top-1 accuracy of a variant less the baseline's."""

    mean: float
    """Mean over shared seeds, percentage points."""
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of it."""
    is_shown: bool
    """Whether the difference passed the correction, over seeds."""
    text: str
    """These in words."""
    seeds: tuple[SeedDelta, ...]
    """Each shared seed."""


def cost_plots(board: Leaderboard) -> dict[BoardCost, CostPlot]:
    """Accuracy against parameters, multiply-accumulates and relative inference time."""
    unit, size = macs_unit(max(row.macs for row in board.rows))
    return {
        "parameters": _cost_plot(board, "parameters", "parameters", lambda cost: f"{cost.cost:,.0f} parameters"),
        "macs": _cost_plot(board, "macs", "MACs", lambda cost: f"{four_digits(cost.cost / size)} {unit}"),
        "time": _cost_plot(board, "time", "inference time", _time_text),
    }


def top1_axis(board: Leaderboard) -> Axis:
    """Axis of the test accuracies."""
    return accuracy_axis(accuracy_label(board), (row.top1_percent for row in board.rows))


def top1_text(row: Row) -> str:
    """Accuracy of a variant with its interval and seeds."""
    return f"top-1 {four_digits(row.top1_percent.mean)} % {half_width(row.top1_percent)}, {seeds_text(row)}"


def seeds_text(row: Row) -> str:
    """How many seeds a variant has."""
    return plural(len(row.records), "seed")


def curve_text(row: Row) -> str:
    """What the numbers of a learning curve are."""
    seeds = seeds_text(row)
    return seeds if len(row.records) == 1 else f"mean ± 1 standard deviation over {seeds}"


def curve_points(row: Row) -> tuple[CurvePoint, ...]:
    """The learning curve of a variant, at the epochs through which it is drawn."""
    curve = curve_of(row)

    def point(place: int) -> CurvePoint:
        mean, deviation = curve.means[place], curve.deviations[place]
        return CurvePoint(
            epoch=curve.epochs[place],
            mean=drawn(mean),
            low=drawn(curve.low[place]),
            high=drawn(curve.high[place]),
            text=four_digits(mean) + ("" if deviation is None else f" ± {deviation:.2f}"),
        )

    return tuple(point(place) for place in kept_epochs(len(curve.epochs)))


def curve_axes(board: Leaderboard, curves: Sequence[Sequence[CurvePoint]]) -> tuple[Axis, Axis]:
    """Epochs and validation accuracy."""
    points = [point for curve in curves for point in curve]
    ends = [end for point in points for end in (point.low, point.high)]
    return epoch_axis(max(point.epoch for point in points)), axis(validation_label(board), ends)


def delta_of(board: Leaderboard, row: Row) -> Delta | None:
    """Difference of a variant to the baseline, and that of each shared seed."""
    found = row.top1_difference
    if found is None:
        return None
    digests = {record.spec.seed: record.digest for record in row.records}
    return Delta(
        mean=drawn(found.mean),
        low=drawn(found.low),
        high=drawn(found.high),
        is_shown=found.is_shown,
        text=f"Δ top-1 {signed_points(found.mean)}{mark(found)} {between(found.low, found.high)}, "
        f"p {p_value(found.p_corrected)} after Holm's correction, {plural(len(found.seeds), 'shared seed')}",
        seeds=tuple(
            SeedDelta(seed=seed, digest=digests[seed], points=drawn(points), text=signed_points(points))
            for seed, points in seed_differences(board, row).items()
        ),
    )


def delta_axis(deltas: Sequence[Delta]) -> Axis:
    """Axis of the differences to the baseline, zero among them."""
    ends = [end for delta in deltas for end in (delta.low, delta.high, *(seed.points for seed in delta.seeds))]
    return axis(DIFFERENCE_LABEL, [0.0, *ends])


def _cost_plot(board: Leaderboard, cost: BoardCost, name: str, text: Callable[[ParetoPoint], str]) -> CostPlot:
    points, (label, size) = cost_points(board, cost), cost_label(board, cost)
    front = pareto_front(points)
    ends = [end for point in points for end in (point.cost, *(point.quartiles or ()))]
    return CostPlot(
        name=name,
        axis=axis(label, ends, size=size, may_be_logarithmic=True),
        points=tuple(
            CostPoint(cost=point.cost, quartiles=point.quartiles, is_front=point in front, text=text(point))
            for point in points
        ),
    )


def _time_text(point: ParetoPoint) -> str:
    assert point.quartiles is not None, "time has quartiles"
    lower, upper = map(four_digits, point.quartiles)
    return f"{four_digits(point.cost)} ({lower}–{upper}) × the baseline's inference time"
