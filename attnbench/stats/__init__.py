"""Intervals, ratios, paired tests and corrections: pure functions of numbers."""

from attnbench.stats.accuracy import paired_accuracy_interval, pairwise_accuracy_intervals
from attnbench.stats.bootstrap import RatioInterval, paired_ratio_interval
from attnbench.stats.crossed import CrossedInterval, mean_intervals
from attnbench.stats.families import holm_adjusted, rank_letters
from attnbench.stats.intervals import Interval, Ratio, median_ratio, paired_t_interval, proportion_interval, t_interval
from attnbench.stats.permutation import (
    PairedTest,
    fewest_seeds,
    mcnemar_p,
    paired_accuracy_test,
    permutation_test,
    permutation_tests,
    smallest_p,
)
from attnbench.stats.power import seeds_needed, smallest_detectable_difference
from attnbench.stats.unpaired import UnpairedRatio, unpaired_ratio_interval

__all__ = [
    "CrossedInterval",
    "Interval",
    "PairedTest",
    "Ratio",
    "RatioInterval",
    "UnpairedRatio",
    "fewest_seeds",
    "holm_adjusted",
    "mcnemar_p",
    "mean_intervals",
    "median_ratio",
    "paired_accuracy_interval",
    "paired_accuracy_test",
    "paired_ratio_interval",
    "paired_t_interval",
    "pairwise_accuracy_intervals",
    "permutation_test",
    "permutation_tests",
    "proportion_interval",
    "rank_letters",
    "seeds_needed",
    "smallest_detectable_difference",
    "smallest_p",
    "t_interval",
    "unpaired_ratio_interval",
]
