"""From records to tables and plots. Nothing here trains, and nothing needs torch."""

from attnbench.report.comparison import Comparison, compare
from attnbench.report.comparison_terminal import render_comparison
from attnbench.report.efficiency import EfficiencyRow, EfficiencyTable, RankBy, efficiency_tables
from attnbench.report.efficiency_terminal import render_efficiency
from attnbench.report.layers import layers, render_layers
from attnbench.report.leaderboard import Facts, Leaderboard, Machine, Row, leaderboard, leaderboards
from attnbench.report.pareto import Cost, ParetoPoints, pareto_front, pareto_points
from attnbench.report.terminal import render

__all__ = [
    "Comparison",
    "Cost",
    "EfficiencyRow",
    "EfficiencyTable",
    "Facts",
    "Leaderboard",
    "Machine",
    "ParetoPoints",
    "RankBy",
    "Row",
    "compare",
    "efficiency_tables",
    "layers",
    "leaderboard",
    "leaderboards",
    "pareto_front",
    "pareto_points",
    "render",
    "render_comparison",
    "render_efficiency",
    "render_layers",
]
