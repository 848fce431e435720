"""From records to tables. Nothing here trains, and nothing needs torch."""

from attnbench.report.leaderboard import Facts, Leaderboard, Machine, Row, leaderboard, leaderboards
from attnbench.report.terminal import render

__all__ = ["Facts", "Leaderboard", "Machine", "Row", "leaderboard", "leaderboards", "render"]
