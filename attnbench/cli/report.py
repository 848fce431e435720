"""`attnbench report`: a stored leaderboard again, without training."""

from pathlib import Path

from rich.console import Console

from attnbench.cli.efficiency import print_efficiency
from attnbench.efficiency_record import EfficiencyStore
from attnbench.errors import StoreError
from attnbench.record import Record, Store
from attnbench.report import leaderboards, render


def report(store: Path, /) -> int:
    """Print the leaderboards and the efficiency tables of the records in a store; nothing is trained or measured.

    Parameters
    ----------
    store
        Folder of the records.
    """
    records, problems = Store(store).read()
    rows, row_problems = EfficiencyStore(store).read()
    if not records and not rows:
        for problem in problems + row_problems:
            print(problem)
        raise StoreError(f"{store} holds no record that can be read")
    if records or problems:
        print_leaderboards(records, store=store, problems=problems)
    if rows or row_problems:
        print_efficiency(rows, store=store, problems=row_problems)
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
