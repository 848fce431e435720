"""What the page's plots show of a detector: places, intervals and the text of each mark."""

from collections.abc import Sequence

from attnbench.report.detection.board import DetectionRow, DetectorBlock
from attnbench.report.detection.figures import TESTED, Figure
from attnbench.report.detection.plotted import (
    DIFFERENCE_LABEL,
    IOUS,
    ap_label,
    cost_label,
    cost_points,
    interval_of,
    learning_curves_of,
    precision_line,
    seed_differences,
    seeds_label,
)
from attnbench.report.detection.points import between, mark, plus_minus, points, signed_points
from attnbench.report.detection.table import HEADERS
from attnbench.report.leaderboard.plotted import BoardCost, Curve
from attnbench.report.numbers import four_digits, macs_unit, plural
from attnbench.report.page.axes import Axis, accuracy_axis, axis, percent_axis
from attnbench.report.page.drawn import (
    CostPlot,
    CurvePlot,
    CurvePoint,
    Delta,
    FigurePoint,
    FigureRow,
    FiguresPlot,
    SeedDelta,
)
from attnbench.report.page.plots import cost_plot, curve_plot, score_delta_axis, time_text
from attnbench.report.page.runs import drawn

_MARKED_RECALLS = 10
"""Percent of recall from one mark of a curve to the next."""


def ap_axis(block: DetectorBlock) -> Axis:
    """Axis of the APs on the test split."""
    return accuracy_axis(ap_label(block), (interval_of(row.box[TESTED], len(row.records)) for row in block.rows))


def ap_interval(row: DetectionRow) -> tuple[float, float] | None:
    """Ends of the interval of a variant's AP, if it has one."""
    return _ends(row.box[TESTED])


def ap_text(row: DetectionRow) -> str:
    """AP of a variant with its interval and seeds."""
    return f"{_figure_text('AP', row.box[TESTED])}, {plural(len(row.records), 'seed')}"


def detection_cost_plots(block: DetectorBlock) -> dict[BoardCost, CostPlot]:
    """AP against parameters, multiply-accumulates and relative inference time."""
    macs = cost_points(block, "macs")
    unit, size = macs_unit(int(max(point.cost for point in macs)))
    return {
        "parameters": cost_plot(
            cost_points(block, "parameters"),
            cost_label(block, "parameters"),
            name="parameters",
            text=lambda point: f"{point.cost:,.0f} parameters",
        ),
        "macs": cost_plot(
            macs,
            cost_label(block, "macs"),
            name="MACs",
            text=lambda point: f"{four_digits(point.cost / size)} {unit} of body and pyramid",
        ),
        "time": cost_plot(cost_points(block, "time"), cost_label(block, "time"), name="inference time", text=time_text),
    }


def learning_curves(block: DetectorBlock) -> dict[str, CurvePlot]:
    """AP on the validation split, if any epoch was validated, and each part of the training loss."""
    numbers = [len(row.records) for row in block.rows]
    curves = learning_curves_of(block)
    # Names come from records, and the scripts look for none of them.
    return {
        f"curve-{place}": curve_plot(f"{name}, {seeds_label(block)}", found, numbers, y_name=name)
        for place, (name, found) in enumerate(curves.items())
    }


def precision_plots(block: DetectorBlock) -> dict[str, CurvePlot]:
    """Precision against recall at each threshold."""
    notes = tuple(_mean_over(row) for row in block.rows)
    return {
        f"iou-{100 * iou:.0f}": CurvePlot(
            name=f"IoU {iou:g}",
            x=percent_axis("recall (%)"),
            y=percent_axis(f"precision (%), {seeds_label(block)}"),
            x_name="recall (%)",
            y_name=f"precision (%) at IoU {iou:g}",
            note=notes,
            lines=tuple(_recall_line(precision_line(row, iou)) for row in block.rows),
        )
        for iou in IOUS
    }


def figures_plot(block: DetectorBlock) -> FiguresPlot:
    """All figures of boxes, and AP of masks where there are any."""
    rows = [
        FigureRow(name=header, points=tuple(_point(header, row.box[name]) for row in block.rows))
        for name, header in HEADERS.items()
    ]
    masks = [row.mask[TESTED] if row.mask else None for row in block.rows]
    rows.append(FigureRow(name="mask AP", points=tuple(_point("mask AP", found) for found in masks)))
    kept = [row for row in rows if any(row.points)]
    found = [point for row in kept for point in row.points if point is not None]
    ends = [end for point in found for end in (point.value, *(point.interval or ()))]
    return FiguresPlot(axis=axis(f"AP (%), {seeds_label(block)}", ends), rows=tuple(kept))


def detection_delta(block: DetectorBlock, row: DetectionRow) -> Delta | None:
    """Difference of a variant's AP to the baseline's, and that of each shared seed."""
    found = row.box[TESTED].difference
    if found is None or block.baseline is None:
        return None
    digests = {record.spec.seed: record.digest for record in row.records}
    low, high = (found.mean, found.mean) if found.interval is None else (found.interval.low, found.interval.high)
    return Delta(
        mean=drawn(found.mean),
        low=drawn(low),
        high=drawn(high),
        is_shown=bool(found.excludes_zero),
        text=f"Δ AP {signed_points(found.mean)}{mark(found)} {between(found.interval)}, "
        f"{plural(len(found.seeds), 'shared seed')}",
        seeds=tuple(
            SeedDelta(seed=seed, digest=digests[seed], points=drawn(value), text=signed_points(value))
            for seed, value in seed_differences(row, block.baseline).items()
        ),
    )


def ap_delta_axis(deltas: Sequence[Delta]) -> Axis:
    """Axis of the differences to the baseline, zero among them."""
    return score_delta_axis(DIFFERENCE_LABEL, deltas)


def _ends(figure: Figure) -> tuple[float, float] | None:
    return None if figure.interval is None else (drawn(figure.interval.low), drawn(figure.interval.high))


def _figure_text(name: str, figure: Figure) -> str:
    return f"{name} {points(figure.percent)} % {plus_minus(figure.interval)}"


def _point(name: str, figure: Figure | None) -> FigurePoint | None:
    if figure is None or figure.percent is None:
        return None
    found = figure.difference
    difference = "" if found is None else f", Δ {signed_points(found.mean)}{mark(found)} {between(found.interval)}"
    text = f"{_figure_text(name, figure)}{difference}"
    return FigurePoint(value=drawn(figure.percent), interval=_ends(figure), text=text)


def _recall_line(curve: Curve) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(at=at, mean=value, low=value, high=value, text="" if at % _MARKED_RECALLS else points(value))
        for at, value in zip(curve.places, map(drawn, curve.means), strict=True)
    )


def _mean_over(row: DetectionRow) -> str:
    over = f"classes and {plural(len(row.records), 'seed')}" if len(row.records) > 1 else "classes, 1 seed"
    return f"mean over {over}"
