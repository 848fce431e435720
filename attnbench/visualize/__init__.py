"""What a model does with images: its attention modules looked into, and pictures of what it says."""

from attnbench.visualize.boxes import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.capture import Captured, Captures, attention_names, capture
from attnbench.visualize.sheet import Panel, contact_sheet

__all__ = [
    "Captured",
    "Captures",
    "Mark",
    "Panel",
    "attention_names",
    "capture",
    "class_colour",
    "contact_sheet",
    "draw_marks",
    "fitting_scale",
]
