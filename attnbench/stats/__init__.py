"""Intervals and ratios: pure functions of numbers."""

from attnbench.stats.bootstrap import RatioInterval, paired_ratio_interval
from attnbench.stats.intervals import Interval, Ratio, median_ratio, paired_t_interval, proportion_interval, t_interval
from attnbench.stats.unpaired import UnpairedRatio, unpaired_ratio_interval

__all__ = [
    "Interval",
    "Ratio",
    "RatioInterval",
    "UnpairedRatio",
    "median_ratio",
    "paired_ratio_interval",
    "paired_t_interval",
    "proportion_interval",
    "t_interval",
    "unpaired_ratio_interval",
]
