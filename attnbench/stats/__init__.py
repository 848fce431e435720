"""Intervals and ratios: pure functions of numbers."""

from attnbench.stats.bootstrap import RatioInterval, paired_ratio_interval
from attnbench.stats.intervals import Interval, Ratio, median_ratio, paired_t_interval, proportion_interval, t_interval

__all__ = [
    "Interval",
    "Ratio",
    "RatioInterval",
    "median_ratio",
    "paired_ratio_interval",
    "paired_t_interval",
    "proportion_interval",
    "t_interval",
]
