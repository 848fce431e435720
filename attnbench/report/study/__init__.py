"""Reports of a study: what was searched, the best trials, and the winner beside the default on fresh seeds."""

from attnbench.report.study.comparison import FinalComparison, compare_finals, recipe_changes
from attnbench.report.study.flat import trials_csv
from attnbench.report.study.page import render_study_page
from attnbench.report.study.terminal import render_study

__all__ = ["FinalComparison", "compare_finals", "recipe_changes", "render_study", "render_study_page", "trials_csv"]
