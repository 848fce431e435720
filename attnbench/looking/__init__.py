"""Trained classifiers looked into: weights and images are found, models run, and what they show is drawn."""

from attnbench.looking.images import (
    Images,
    fitting_test_images,
    images_of_classes,
    images_of_data,
    images_of_files,
    read_test_images,
)
from attnbench.looking.look import Look, look_at
from attnbench.looking.pictures import MAKER, Drawn, all_picture_names, draw_looks
from attnbench.looking.statistics import with_statistics
from attnbench.looking.targets import find_weights
from attnbench.looking.weights import Given, Weights, check_comparable, load_weights, run_names

__all__ = [
    "MAKER",
    "Drawn",
    "Given",
    "Images",
    "Look",
    "Weights",
    "all_picture_names",
    "check_comparable",
    "draw_looks",
    "find_weights",
    "fitting_test_images",
    "images_of_classes",
    "images_of_data",
    "images_of_files",
    "load_weights",
    "look_at",
    "read_test_images",
    "run_names",
    "with_statistics",
]
