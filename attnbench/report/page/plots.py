"""What the page's plots show of a leaderboard: places, intervals and the text of each mark."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from attnbench.record import Record
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.table import mark
from attnbench.report.numbers import between, four_digits, half_width, macs_unit, p_value, plural, signed_points
from attnbench.report.page.axes import Axis, accuracy_axis, axis, epoch_axis, macs_axis, parameters_axis
from attnbench.report.page.runs import drawn, kept_epochs
from attnbench.report.plots.pareto import ParetoPoint, pareto_front
from attnbench.stats import Ratio, median_ratio


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
    """The lowest seed."""
    high: float
    """The highest seed."""
    text: str
    """These in words."""


@dataclass(frozen=True, kw_only=True)
class SeedDelta:
    """Top-1 accuracy of one seed less the baseline's of the same seed."""

    seed: int
    """The seed."""
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


def cost_plots(board: Leaderboard) -> dict[str, CostPlot]:
    """Accuracy against parameters, multiply-accumulates and relative inference time."""
    unit, size = macs_unit(max(row.macs for row in board.rows))
    times = {row.variant: _relative_time(row.records) for row in board.rows}
    ends = [end for time in times.values() for end in (time.lower_quartile, time.upper_quartile)]
    return {
        "params": _cost_plot(
            board,
            "parameters",
            parameters_axis(row.parameters for row in board.rows),
            lambda row: float(row.parameters),
            lambda row: f"{row.parameters:,} parameters",
        ),
        "macs": _cost_plot(
            board,
            "MACs",
            macs_axis(row.macs for row in board.rows),
            lambda row: float(row.macs),
            lambda row: f"{four_digits(row.macs / size)} {unit}",
        ),
        "time": _cost_plot(
            board,
            "inference time",
            axis("inference time, × baseline: median and quartiles", ends, may_be_logarithmic=True),
            lambda row: times[row.variant].median,
            lambda row: f"{_ratio_text(times[row.variant])} × the baseline's inference time",
            lambda row: (times[row.variant].lower_quartile, times[row.variant].upper_quartile),
        ),
    }


def top1_axis(board: Leaderboard) -> Axis:
    """Axis of the test accuracies."""
    return accuracy_axis(row.top1_percent for row in board.rows)


def top1_text(row: Row) -> str:
    """Accuracy of a variant with its interval and seeds."""
    return f"top-1 {four_digits(row.top1_percent.mean)} % {half_width(row.top1_percent)}, {seeds_text(row)}"


def seeds_text(row: Row) -> str:
    """How many seeds a variant has."""
    return plural(len(row.records), "seed")


def curve_of(row: Row) -> tuple[CurvePoint, ...]:
    """The learning curve of a variant, over the seeds that reached each epoch."""
    num_epochs = max(len(record.curve) for record in row.records)
    return tuple(_curve_point(row.records, place) for place in kept_epochs(num_epochs))


def curve_axes(curves: Sequence[Sequence[CurvePoint]]) -> tuple[Axis, Axis]:
    """Epochs and validation accuracy."""
    points = [point for curve in curves for point in curve]
    ends = [end for point in points for end in (point.low, point.high)]
    return epoch_axis(max(point.epoch for point in points)), axis("validation top-1 (%), mean over seeds", ends)


def delta_of(row: Row, baseline: Row | None) -> Delta | None:
    """Difference of a variant to the baseline, and that of each shared seed."""
    found = row.top1_difference
    if found is None or baseline is None:
        return None
    own, others = ({record.spec.seed: record for record in some.records} for some in (row, baseline))
    deltas = {seed: _points(own[seed], others[seed]) for seed in found.seeds}
    return Delta(
        mean=drawn(found.mean),
        low=drawn(found.low),
        high=drawn(found.high),
        is_shown=found.is_shown,
        text=f"Δ top-1 {signed_points(found.mean)}{mark(found)} {between(found.low, found.high)}, "
        f"p {p_value(found.p_corrected)} after Holm's correction, {plural(len(found.seeds), 'shared seed')}",
        seeds=tuple(
            SeedDelta(seed=seed, points=drawn(points), text=signed_points(points)) for seed, points in deltas.items()
        ),
    )


def delta_axis(deltas: Sequence[Delta]) -> Axis:
    """Axis of the differences to the baseline, zero among them."""
    ends = [end for delta in deltas for end in (delta.low, delta.high, *(seed.points for seed in delta.seeds))]
    return axis("Δ top-1 to the baseline (points)", [0.0, *ends])


def _cost_plot(
    board: Leaderboard,
    name: str,
    cost_axis: Axis,
    cost: Callable[[Row], float],
    text: Callable[[Row], str],
    quartiles: Callable[[Row], tuple[float, float] | None] = lambda row: None,
) -> CostPlot:
    points = [
        ParetoPoint(
            variant=row.variant,
            is_baseline=row.is_baseline,
            cost=cost(row),
            quartiles=quartiles(row),
            top1_percent=row.top1_percent,
        )
        for row in board.rows
    ]
    front = pareto_front(points)
    return CostPlot(
        name=name,
        axis=cost_axis,
        points=tuple(
            CostPoint(cost=point.cost, quartiles=point.quartiles, is_front=point in front, text=text(row))
            for point, row in zip(points, board.rows, strict=True)
        ),
    )


def _relative_time(records: Sequence[Record]) -> Ratio:
    return median_ratio(
        [ms for record in records for ms in record.timing.forward_ms],
        [ms for record in records for ms in record.timing.baseline_forward_ms],
    )


def _ratio_text(ratio: Ratio) -> str:
    return f"{four_digits(ratio.median)} ({four_digits(ratio.lower_quartile)}–{four_digits(ratio.upper_quartile)})"


def _curve_point(records: Sequence[Record], place: int) -> CurvePoint:
    values = [record.curve[place].validation_top1_percent for record in records if place < len(record.curve)]
    mean = sum(values) / len(values)
    point = CurvePoint(epoch=place + 1, mean=drawn(mean), low=drawn(min(values)), high=drawn(max(values)), text="")
    spread = f" ({four_digits(min(values))}–{four_digits(max(values))})" if len(values) > 1 else ""
    return replace(point, text=f"{four_digits(mean)}{spread}")


def _points(record: Record, baseline: Record) -> float:
    """Percentage points between two runs, from whole numbers of images, so that equal ones differ by nothing."""
    correct, others = (int(found.test_correct.unpack().sum()) for found in (record, baseline))
    return 100 * (correct - others) / record.test_correct.num_bits
