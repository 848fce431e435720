"""How an image becomes what a classifier takes: what a checkpoint must say, so that it takes images of any size."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a data set does to a test image."""

    mean: tuple[float, ...]
    """Grey levels of 255 that are subtracted from each channel."""
    std: tuple[float, ...]
    """Grey levels of 255 that each channel is divided by."""
    crop_ratio: float = 1.0
    """Share of the shorter side that the middle crop keeps."""
