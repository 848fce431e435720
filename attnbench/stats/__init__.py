"""Intervals and ratios: pure functions of numbers."""

from attnbench.stats.intervals import Interval, Ratio, median_ratio, paired_t_interval, proportion_interval, t_interval

__all__ = ["Interval", "Ratio", "median_ratio", "paired_t_interval", "proportion_interval", "t_interval"]
