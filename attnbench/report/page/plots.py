"""What the page's plots show of a leaderboard: places, intervals and the text of each mark."""

from collections.abc import Callable, Sequence

from attnbench.report.front import ParetoPoint, pareto_front
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.cells import mark
from attnbench.report.leaderboard.plotted import (
    DIFFERENCE_LABEL,
    BoardCost,
    Curve,
    accuracy_label,
    cost_label,
    cost_points,
    curve_of,
    seed_differences,
    validation_label,
)
from attnbench.report.numbers import (
    between,
    four_digits,
    half_width,
    macs_unit,
    p_value,
    plural,
    signed_points,
)
from attnbench.report.page.axes import Axis, accuracy_axis, axis, epoch_axis
from attnbench.report.page.drawn import CostPlot, CostPoint, CurvePlot, CurvePoint, Delta, SeedDelta
from attnbench.report.page.runs import drawn, kept_epochs
from attnbench.stats import Interval


def cost_plots(board: Leaderboard) -> dict[BoardCost, CostPlot]:
    """Accuracy against parameters, multiply-accumulates and relative inference time."""
    unit, size = macs_unit(max(row.macs for row in board.rows))
    return {
        "parameters": _cost_plot(board, "parameters", "parameters", lambda cost: f"{cost.cost:,.0f} parameters"),
        "macs": _cost_plot(board, "macs", "MACs", lambda cost: f"{four_digits(cost.cost / size)} {unit}"),
        "time": _cost_plot(board, "time", "inference time", time_text),
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


def curve_plots(board: Leaderboard) -> dict[str, CurvePlot]:
    """Validation accuracy of each variant."""
    label = validation_label(board)
    return {
        "validation": curve_plot(
            label,
            [curve_of(row) for row in board.rows],
            [len(row.records) for row in board.rows],
            y_name="validation top-1 (%)",
        )
    }


def curve_plot(label: str, curves: Sequence[Curve], numbers: Sequence[int], *, y_name: str) -> CurvePlot:
    """A learning curve of each variant, at the epochs through which it is drawn.

    Args:
        label: The vertical axis.
        curves: The curves, some of which may have no point.
        numbers: How many seeds each is over.
        y_name: What the numbers are called in words.
    """
    lines = tuple(map(_line, curves))
    points = [point for line in lines for point in line]
    return CurvePlot(
        name=y_name,
        x=epoch_axis(max(curve.places[-1] for curve in curves if curve.places)),
        y=axis(label, [end for point in points for end in (point.low, point.high)]),
        x_name="epoch",
        y_name=y_name,
        note=tuple(map(_note, numbers)),
        lines=lines,
    )


def _line(curve: Curve) -> tuple[CurvePoint, ...]:
    def point(place: int) -> CurvePoint:
        mean, deviation = curve.means[place], curve.deviations[place]
        text = four_digits(mean)
        decimals = len(text.partition(".")[2])
        return CurvePoint(
            at=curve.places[place],
            mean=drawn(mean),
            low=drawn(curve.low[place]),
            high=drawn(curve.high[place]),
            text=text if deviation is None else f"{text} ± {deviation:.{decimals}f}",
        )

    return tuple(point(place) for place in kept_epochs(len(curve.places)))


def _note(num_seeds: int) -> str:
    """What the numbers of a learning curve are."""
    seeds = plural(num_seeds, "seed")
    return seeds if num_seeds == 1 else f"mean ± 1 standard deviation over {seeds}"


def ends_of(interval: Interval) -> tuple[float, float] | None:
    """Ends of an interval, if it has any."""
    half = interval.half_width
    return None if half is None else (interval.mean - half, interval.mean + half)


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
    return score_delta_axis(DIFFERENCE_LABEL, deltas)


def score_delta_axis(label: str, deltas: Sequence[Delta]) -> Axis:
    """The same of any score."""
    ends = [end for delta in deltas for end in (delta.low, delta.high, *(seed.points for seed in delta.seeds))]
    return axis(label, [0.0, *ends])


def _cost_plot(board: Leaderboard, cost: BoardCost, name: str, text: Callable[[ParetoPoint], str]) -> CostPlot:
    return cost_plot(cost_points(board, cost), cost_label(board, cost), name=name, text=text)


def cost_plot(
    points: Sequence[ParetoPoint], label: tuple[str, float], *, name: str, text: Callable[[ParetoPoint], str]
) -> CostPlot:
    """The score against one cost.

    Args:
        points: The variants, in the order of the table's rows.
        label: The axis, and what its numbers are divided by.
        name: What the chooser calls it.
        text: A point's cost in words.
    """
    front = pareto_front(points)
    ends = [end for point in points for end in (point.cost, *(point.quartiles or ()))]
    return CostPlot(
        name=name,
        axis=axis(label[0], ends, size=label[1], may_be_logarithmic=True),
        points=tuple(
            CostPoint(cost=point.cost, quartiles=point.quartiles, is_front=point in front, text=text(point))
            for point in points
        ),
    )


def time_text(point: ParetoPoint) -> str:
    """A time beside the baseline's, with its quartiles, in words."""
    assert point.quartiles is not None, "time has quartiles"
    lower, upper = map(four_digits, point.quartiles)
    return f"{four_digits(point.cost)} ({lower}–{upper}) × the baseline's inference time"
