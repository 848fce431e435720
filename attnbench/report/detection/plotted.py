"""What the plots of a detector show, whoever draws them: costs, curves, differences, and the names of axes."""

from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.report.detection.board import DetectionBoard, DetectionRow, DetectorBlock
from attnbench.report.detection.figures import TESTED, Figure
from attnbench.report.detection.notes import place
from attnbench.report.front import ParetoPoint
from attnbench.report.leaderboard.marks import Mark, marks_of
from attnbench.report.leaderboard.plotted import (
    TIME_LABEL,
    BoardCost,
    Curve,
    mean_curve,
    over_seeds,
    parameters_label,
    relative_time,
)
from attnbench.report.numbers import macs_unit
from attnbench.stats import Interval
from attnbench.stats.precision_recall import RECALLS, precision_curve

IOUS = (0.5, 0.75)
"""Thresholds of the curves of precision and recall."""
SIZES = {"ap_small": "small", "ap_medium": "medium", "ap_large": "large"}
"""Figures by the objects' area, and the names of the areas."""
DIFFERENCE_LABEL = "Δ AP to the baseline (points)"
"""Axis of differences."""


@dataclass(frozen=True, kw_only=True)
class PlottedDetector:
    """One detector of a board."""

    board: DetectionBoard
    """The board, of which it has backbone, data and recipe."""
    block: DetectorBlock
    """Its variants."""

    @property
    def title(self) -> str:
        """Detector, backbone and data, its settings only where another shares its name."""
        return f"Detection: {self.name} in {place(self.board)}"

    @property
    def name(self) -> str:
        """What the detector is called beside the others of its board."""
        return self.board.names[self.block.detector]


def detection_marks(board: DetectionBoard) -> Mapping[str, Mark]:
    """The mark that each variant has in the plots of all detectors."""
    return marks_of({row.variant: row.is_baseline for block in board.blocks for row in block.rows})


def cost_points(block: DetectorBlock, cost: BoardCost) -> tuple[ParetoPoint, ...]:
    """AP of the variants with their costs, in the order of the rows.

    Attention may stand in the pyramid, so that parameters are those of all, and multiply-accumulates those of body
    and pyramid, which do not depend on what is found.
    """

    def point(row: DetectionRow) -> ParetoPoint:
        time = relative_time(row.throughput_ratio)
        costs: dict[BoardCost, float] = {
            "parameters": row.counts.parameters,
            "macs": row.counts.body_macs + row.counts.pyramid_macs,
            "time": time.median,
        }
        return ParetoPoint(
            variant=row.variant,
            is_baseline=row.is_baseline,
            cost=costs[cost],
            quartiles=(time.lower_quartile, time.upper_quartile) if cost == "time" else None,
            percent=interval_of(row.box[TESTED], len(row.records)),
        )

    return tuple(point(row) for row in block.rows)


def cost_label(block: DetectorBlock, cost: BoardCost) -> tuple[str, float]:
    """The axis of a cost, and what its numbers are divided by."""
    if cost == "time":
        return TIME_LABEL, 1.0
    most = int(max(point.cost for point in cost_points(block, cost)))
    if cost == "parameters":
        return parameters_label("parameters of the detector", most)
    unit, size = macs_unit(most)
    return f"multiply-accumulates of body and pyramid ({unit})", size


def interval_of(figure: Figure, num_seeds: int) -> Interval:
    """A figure with half the width of its interval, as the table has it."""
    assert figure.percent is not None, "a test split without objects is not scored"
    found = figure.interval
    return Interval(figure.percent, None if found is None else (found.high - found.low) / 2, num_seeds, 0.95)


def loss_names(block: DetectorBlock) -> list[str]:
    """The parts of the training loss, in the order in which they were recorded."""
    points = (point for row in block.rows for record in row.records for point in record.curve)
    return list(dict.fromkeys(name for point in points for name in point.train_losses))


def learning_curves_of(block: DetectorBlock) -> dict[str, list[Curve]]:
    """By axis a curve of each variant, validation first; without axes that have no epoch."""
    curves = {"validation AP (%)": [validation_curve(row) for row in block.rows]}
    curves |= {name: [loss_curve(row, name) for row in block.rows] for name in loss_names(block)}
    return {name: found for name, found in curves.items() if any(curve.places for curve in found)}


def loss_curve(row: DetectionRow, name: str) -> Curve:
    """One part of the training loss, over the seeds that have an epoch."""
    points = (point for record in row.records for point in record.curve)
    return mean_curve((point.epoch, point.train_losses[name]) for point in points if name in point.train_losses)


def validation_curve(row: DetectionRow) -> Curve:
    """AP on the validation split, percent, at the epochs that were validated."""
    points = (point for record in row.records for point in record.curve)
    return mean_curve((point.epoch, point.validation.ap_percent) for point in points if point.validation is not None)


def precision_line(row: DetectionRow, iou: float) -> Curve:
    """Precision at each recall, both in percent, of the boxes on the test split."""
    curves = [precision_curve(record.box_matches.unpack(), iou) for record in row.records]
    recalls = [round(100 * recall) for recall in RECALLS.tolist()]
    return mean_curve(point for curve in curves for point in zip(recalls, curve.tolist(), strict=True))


def seed_differences(row: DetectionRow, baseline: DetectionRow) -> dict[int, float]:
    """AP of a variant less the baseline's after each seed that both have, percentage points."""
    own, other = (
        {record.spec.seed: record.values.box.ap_percent for record in side.records} for side in (row, baseline)
    )
    return {seed: own[seed] - other[seed] for seed in sorted(own.keys() & other.keys())}


def ap_label(block: DetectorBlock) -> str:
    """The axis of APs on the test split."""
    return f"AP (%), {seeds_label(block)}"


def seeds_label(block: DetectorBlock) -> str:
    """What the numbers of a detector's variants are means over."""
    return over_seeds(len(row.records) for row in block.rows)
