"""What a model does with images: its attention modules looked into, and pictures of what it says."""

from attnbench.visualize.boxes import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.capture import Captured, Captures, attention_names, capture
from attnbench.visualize.gradcam import check_grad_cam, grad_cam, last_stage
from attnbench.visualize.sheet import Panel, contact_sheet

__all__ = [
    "Captured",
    "Captures",
    "Mark",
    "Panel",
    "attention_names",
    "capture",
    "check_grad_cam",
    "class_colour",
    "contact_sheet",
    "draw_marks",
    "fitting_scale",
    "grad_cam",
    "last_stage",
]
