"""How long commands take that a user waits for: help, lists and a report."""

import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.overhead.spent import Spent, of_command

RECORDS = Path("results/fashion-mnist/records")
"""The records of a real leaderboard, 70 of them."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One of attnbench's commands."""

    words: str
    """What stands behind `attnbench`."""
    most_s: float | None = None
    """Seconds that its median may take; none where there is no target."""


COMMANDS = (
    Command(words="--help", most_s=0.4),
    Command(words="leaderboard --help", most_s=0.4),
    Command(words="list presets", most_s=0.4),
    Command(words="list attention"),
    Command(words=f"report {RECORDS}", most_s=1.0),
)


def measure_starts(rounds: int) -> dict[str, list[Spent]]:
    """What each command takes, one round after the other; a round before them does not count."""
    spent: dict[str, list[Spent]] = {command.words: [] for command in COMMANDS}
    for number in range(rounds + 1):
        for words, taken in spent.items():
            took = of_command([sys.executable, "-m", "attnbench", *words.split()])
            if number:
                taken.append(took)
    return spent
