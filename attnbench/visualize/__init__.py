"""What a model does with images: its attention modules looked into, and pictures of what it says."""

from attnbench.visualize.boxes import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.capture import Captured, Captures, attention_names, capture
from attnbench.visualize.gradcam import check_grad_cam, grad_cam, last_stage
from attnbench.visualize.maps import View, views
from attnbench.visualize.overlay import Colours, bars, check_colours, colour_bar, overlaid
from attnbench.visualize.sheet import Panel, Row, contact_sheet, grid_sheet

__all__ = [
    "Captured",
    "Captures",
    "Colours",
    "Mark",
    "Panel",
    "Row",
    "View",
    "attention_names",
    "bars",
    "capture",
    "check_colours",
    "check_grad_cam",
    "class_colour",
    "colour_bar",
    "contact_sheet",
    "draw_marks",
    "fitting_scale",
    "grad_cam",
    "grid_sheet",
    "last_stage",
    "overlaid",
    "views",
]
