"""What the captions of a leaderboard's plots have in common."""

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.numbers import plural


def seeds_of(board: Leaderboard) -> str:
    """How many seeds the variants have, from the fewest to the most."""
    counts = sorted({len(row.records) for row in board.rows})
    return plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"


def over_seeds(board: Leaderboard) -> str:
    """The same for a label's end: what a mean is over, if it is one."""
    seeds = seeds_of(board)
    return seeds if seeds == "1 seed" else f"mean over {seeds}"


def trained(board: Leaderboard) -> str:
    """How long the variants were trained, and how often."""
    recipe = board.facts.spec.recipe
    return f"{plural(recipe.epochs, 'epoch')} at batch {recipe.batch_size}, {seeds_of(board)}"
