"""What a model does with images: its attention modules looked into, and pictures of what it says."""

from attnbench.visualize.boxes import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.capture import Captured, Captures, attention_names, capture
from attnbench.visualize.class_weights import channel_weights_by_class, plot_channel_weights
from attnbench.visualize.gradcam import check_grad_cam, grad_cam
from attnbench.visualize.maps import View, views
from attnbench.visualize.overlay import Colours, bars, check_colours, colour_bar, overlaid
from attnbench.visualize.sheet import Panel, Row, contact_sheet, grid_sheet
from attnbench.visualize.statistics import (
    ActivationStatistics,
    GateStatistics,
    LayerStatistics,
    TensorStatistics,
    Thresholds,
    activation_statistics,
    statistics_json,
)
from attnbench.visualize.statistics_plot import plot_statistics
from attnbench.visualize.statistics_rows import STATISTICS_HEADINGS, STATISTICS_LEGEND, statistics_rows

__all__ = [
    "STATISTICS_HEADINGS",
    "STATISTICS_LEGEND",
    "ActivationStatistics",
    "Captured",
    "Captures",
    "Colours",
    "GateStatistics",
    "LayerStatistics",
    "Mark",
    "Panel",
    "Row",
    "TensorStatistics",
    "Thresholds",
    "View",
    "activation_statistics",
    "attention_names",
    "bars",
    "capture",
    "channel_weights_by_class",
    "check_colours",
    "check_grad_cam",
    "class_colour",
    "colour_bar",
    "contact_sheet",
    "draw_marks",
    "fitting_scale",
    "grad_cam",
    "grid_sheet",
    "overlaid",
    "plot_channel_weights",
    "plot_statistics",
    "statistics_json",
    "statistics_rows",
    "views",
]
