"""Columns of what the authors of SGE printed for the same detectors."""

from collections.abc import Callable

from attnbench.presets.published import CocoRow, published_detector_for
from attnbench.report.detection.board import DetectionBoard, DetectorBlock
from attnbench.report.leaderboard.cells import Cell, TableColumn

SOURCE = "Li, Hu, Yang, arXiv 1905.09646"
"""Where they printed it."""


def published_columns(board: DetectionBoard, block: DetectorBlock) -> tuple[TableColumn, ...]:
    """The columns; none where no row is one of theirs."""
    spec = board.facts.spec
    if spec.annotations is not None:
        return ()
    found = [
        published_detector_for(spec.data, block.detector, spec.backbone, row.records[0].spec.attention)
        for row in block.rows
    ]
    if not any(found):
        return ()

    def column(header: str, key: str, value: Callable[[CocoRow], float], decimals: int) -> TableColumn:
        numbers = [value(row) if row else None for row in found]
        cells = (Cell(text="" if number is None else f"{number:.{decimals}f}", raw=(number,)) for number in numbers)
        return TableColumn(header=header, beside="published", keys=(key,), cells=tuple(cells), source=SOURCE)

    return (
        column("params M", "published_body_parameters_m", lambda row: row.backbone_parameters_m, 2),
        column("GFLOPs", "published_gflops", lambda row: row.gflops, 1),
        column("AP %", "published_ap_percent", lambda row: row.ap_percent, 1),
        column("AP50 %", "published_ap50_percent", lambda row: row.ap50_percent, 1),
        column("AP75 %", "published_ap75_percent", lambda row: row.ap75_percent, 1),
    )
