"""All that the page shows of detection boards: what the template writes, and what the scripts draw."""

from collections.abc import Sequence
from dataclasses import dataclass

from attnbench.record import Environment
from attnbench.report.detection.board import DetectionBoard, DetectionRow, DetectorBlock
from attnbench.report.detection.figures import TESTED
from attnbench.report.detection.plotted import PlottedDetector, detection_marks
from attnbench.report.detection.table import DetectionTable, detection_table
from attnbench.report.numbers import plural
from attnbench.report.page.detection.plots import (
    ap_axis,
    ap_delta_axis,
    ap_interval,
    ap_text,
    detection_cost_plots,
    detection_delta,
    figures_plot,
    learning_curves,
    precision_plots,
)
from attnbench.report.page.detection.runs import RUN_HEADERS, detection_run_of
from attnbench.report.page.detection.tables import PageGroup, PageRow, page_groups, page_rows, part_numbers
from attnbench.report.page.drawn import BoardData, VariantData
from attnbench.report.page.marks import page_marks
from attnbench.report.page.runs import environment_lines, environments_of, spec_words
from attnbench.report.page.tables import Numbers, curve_numbers, run_numbers, seed_numbers
from attnbench.spec_io import to_yaml
from attnbench.variant import short_names


@dataclass(frozen=True, kw_only=True)
class DetectionView:
    """A detection board as the template writes it."""

    anchor: str
    """Its place in the page."""
    template: str
    """What writes it."""
    table: DetectionTable
    """The tables that every format shows."""
    detectors: tuple[str, ...]
    """The detectors with their settings."""
    rows: tuple[PageRow, ...]
    """The variants of all detectors."""
    groups: tuple[PageGroup, ...]
    """The columns, with what they are sorted by."""
    numbers: tuple[tuple[str, Numbers], ...]
    """Plain tables and their titles."""
    spec: str
    """What the runs have in common, as YAML."""
    data: tuple[BoardData, ...]
    """What the scripts draw of each detector."""


def detection_views(boards: Sequence[DetectionBoard]) -> list[DetectionView]:
    """Everything that the page shows of each detection board, in the page's order."""
    return [_view(board, f"detection-{number}") for number, board in enumerate(boards, 1)]


def _view(board: DetectionBoard, anchor: str) -> DetectionView:
    table, names = detection_table(board), short_names(block.detector for block in board.blocks)
    environments = environments_of([record for block in board.blocks for row in block.rows for record in row.records])
    data = tuple(_data(board, block, names[block.detector], environments) for block in board.blocks)
    return DetectionView(
        anchor=anchor,
        template="detection.html.j2",
        table=table,
        detectors=tuple(block.detector for block in board.blocks),
        rows=page_rows(board, names),
        groups=page_groups(table),
        numbers=(
            ("Parameters and multiply-accumulates of each part", part_numbers(board, names)),
            *(pair for found in data for pair in _numbers(found)),
        ),
        spec=to_yaml(board.facts.spec),
        data=data,
    )


def _numbers(data: BoardData) -> list[tuple[str, Numbers]]:
    """What the plots of a detector show, and its runs."""
    variants = [variant.name for variant in data.variants]
    of_detector = f" of {data.name}"
    deltas = seed_numbers(variants, [variant.delta for variant in data.variants])
    return [
        *(
            (f"{plot.name}{of_detector} by epoch: mean ± 1 standard deviation over seeds",
             curve_numbers(variants, plot.lines))
            for plot in data.curves.values()
        ),
        *([(f"Δ AP to the baseline{of_detector} by seed (points)", deltas)] if deltas.rows else []),
        (f"Runs{of_detector}", run_numbers(RUN_HEADERS, {variant.name: variant.runs for variant in data.variants})),
    ]  # fmt: skip


def _data(board: DetectionBoard, block: DetectorBlock, name: str, environments: Sequence[Environment]) -> BoardData:
    marks = page_marks(detection_marks(board))

    def variant(row: DetectionRow) -> VariantData:
        percent = row.box[TESTED].percent
        assert percent is not None, "a test split without objects is not scored"
        return VariantData(
            name=row.variant,
            mark=marks[row.variant],
            is_baseline=row.is_baseline,
            score=percent,
            interval=ap_interval(row),
            score_text=ap_text(row),
            spec_text=spec_words(row.variant, row.records[0].spec),
            runs_text=plural(len(row.records), "run"),
            delta=detection_delta(block, row),
            runs=tuple(detection_run_of(record, environments=environments) for record in row.records),
        )

    variants = tuple(map(variant, block.rows))
    deltas = [found.delta for found in variants if found.delta is not None]
    return BoardData(
        title=PlottedDetector(board=board, block=block).title,
        name=name,
        score_name="AP",
        variants=variants,
        scores=ap_axis(block),
        costs=detection_cost_plots(block),
        curves=learning_curves(block),
        precision=precision_plots(block),
        figures=figures_plot(block),
        robustness={},
        deltas=ap_delta_axis(deltas) if deltas else None,
        environments=tuple(environment_lines(environment) for environment in environments),
    )
