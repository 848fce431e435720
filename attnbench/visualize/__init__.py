"""Pictures of what a model says of images."""

from attnbench.visualize.boxes import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.sheet import Panel, contact_sheet

__all__ = ["Mark", "Panel", "class_colour", "contact_sheet", "draw_marks", "fitting_scale"]
