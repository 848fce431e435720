"""All plots of a detection board as files, those of each detector for themselves."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from attnbench.report.detection.board import DetectionBoard
from attnbench.report.detection.plotted import PlottedDetector
from attnbench.report.plots.board_plots import FORMATS, Plot, SavedPlots, save_all
from attnbench.report.plots.detection.costs import draw_costs
from attnbench.report.plots.detection.curves import draw_learning_curves
from attnbench.report.plots.detection.intervals import draw_intervals, draw_sizes
from attnbench.report.plots.detection.precision_recall import draw_precision_recall
from attnbench.variant import Variant

_PLOTS = (
    Plot("ap-parameters", partial(draw_costs, cost="parameters")),
    Plot("ap-macs", partial(draw_costs, cost="macs")),
    Plot("ap-time", partial(draw_costs, cost="time")),
    Plot("learning-curves", draw_learning_curves),
    Plot("ap-intervals", draw_intervals),
    Plot("ap-by-size", draw_sizes),
    Plot("precision-recall", draw_precision_recall),
)


def save_detection_plots(board: DetectionBoard, folder: Path, *, formats: Sequence[str] = FORMATS) -> SavedPlots:
    """Draw every plot of every detector into a folder, which is made if need be.

    Several detectors have a folder each, ``1-faster-rcnn`` and so on, in the order of the tables. Equal boards give
    equal files, and files of the same names are replaced.

    Args:
        board: The board.
        folder: Where the plots go.
        formats: What each is written as: ``png``, ``svg`` or ``pdf``.

    Raises:
        SpecError: If there is no such format, or none is asked for.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    files: list[Path] = []
    for number, block in enumerate(board.blocks, 1):
        own = folder if len(board.blocks) == 1 else folder / f"{number}-{Variant.parse(block.detector).name}"
        files += save_all(_PLOTS, PlottedDetector(board=board, block=block), own, formats=formats).files
    return SavedPlots(files=tuple(files), left_out=())
