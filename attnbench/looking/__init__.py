"""Trained classifiers looked into: weights and images are found, models run, and what they show is drawn."""

from attnbench.looking.images import Images, images_of_data, images_of_files
from attnbench.looking.look import Look, look_at
from attnbench.looking.pictures import COMPARED, MAKER, Drawn, draw_looks, maps_name
from attnbench.looking.targets import find_weights
from attnbench.looking.weights import Given, Weights, check_comparable, load_weights, run_names

__all__ = [
    "COMPARED",
    "MAKER",
    "Drawn",
    "Given",
    "Images",
    "Look",
    "Weights",
    "check_comparable",
    "draw_looks",
    "find_weights",
    "images_of_data",
    "images_of_files",
    "load_weights",
    "look_at",
    "maps_name",
    "run_names",
]
