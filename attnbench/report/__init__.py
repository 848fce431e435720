"""From records to tables and plots. Nothing here trains, and nothing needs torch."""

from attnbench.report.changes.boards import Changes, changes
from attnbench.report.changes.terminal import render_changes
from attnbench.report.detection.board import DetectionBoard, detection_boards
from attnbench.report.detection.terminal import render_detection
from attnbench.report.efficiency.comparison import Comparison, compare
from attnbench.report.efficiency.comparison_terminal import render_comparison
from attnbench.report.efficiency.layers import layers, render_layers
from attnbench.report.efficiency.table import EfficiencyRow, EfficiencyTable, RankBy, efficiency_tables
from attnbench.report.efficiency.terminal import render_efficiency
from attnbench.report.front import pareto_front
from attnbench.report.leaderboard.board import Facts, Leaderboard, Row, board_of, leaderboard, leaderboards
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.grouping import comparable
from attnbench.report.leaderboard.overview import overview, render_overview
from attnbench.report.leaderboard.terminal import render
from attnbench.report.machines import Machine
from attnbench.report.plots.pareto import Cost, ParetoPoints, pareto_points

__all__ = [
    "Changes",
    "Comparison",
    "Cost",
    "DetectionBoard",
    "Difference",
    "EfficiencyRow",
    "EfficiencyTable",
    "Facts",
    "Leaderboard",
    "Machine",
    "ParetoPoints",
    "RankBy",
    "Row",
    "board_of",
    "changes",
    "comparable",
    "compare",
    "detection_boards",
    "efficiency_tables",
    "layers",
    "leaderboard",
    "leaderboards",
    "overview",
    "pareto_front",
    "pareto_points",
    "render",
    "render_changes",
    "render_comparison",
    "render_detection",
    "render_efficiency",
    "render_layers",
    "render_overview",
]
