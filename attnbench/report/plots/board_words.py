"""What the captions of a leaderboard's plots have in common."""

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.plotted import seeds_of
from attnbench.report.numbers import plural


def trained(board: Leaderboard) -> str:
    """How long the variants were trained, and how often."""
    recipe = board.facts.spec.recipe
    return f"{plural(recipe.epochs, 'epoch')} at batch {recipe.batch_size}, {seeds_of(board)}"
