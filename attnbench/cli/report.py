"""`attnbench report`: a stored leaderboard again, without training."""

from pathlib import Path

from rich.console import Console

from attnbench.errors import StoreError
from attnbench.record import Record, Store
from attnbench.report import leaderboards, render


def report(store: Path, /) -> int:
    """Print the leaderboards of the records in a store; nothing is trained.

    Parameters
    ----------
    store
        Folder of the records.
    """
    records, problems = Store(store).read()
    if not records:
        for problem in problems:
            print(problem)
        raise StoreError(f"{store} holds no record that can be read")
    print_leaderboards(records, store=store, problems=problems)
    return 0


def print_leaderboards(records: list[Record], *, store: Path, problems: list[str] | None = None) -> None:
    """Print one table for each group of comparable records."""
    console = Console()
    boards = leaderboards(records)
    for board in boards:
        last = board is boards[-1]
        console.print(render(board, store=str(store), problems=(problems or []) if last else []))
        if not last:
            console.print()
