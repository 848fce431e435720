"""`attnbench plan`: how many seeds a difference takes, and what they cost."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from attnbench.cli.boards import MANY_BOARDS, BoardNumbers, chosen_boards
from attnbench.diverged_record import DivergedStore
from attnbench.errors import SpecError, StoreError
from attnbench.record import Record, Store
from attnbench.report.leaderboard.diverged import diverged_beside
from attnbench.report.leaderboard.grouping import comparable, variants_of
from attnbench.report.machines import Machine, machine_of
from attnbench.report.plan import Plan, plan_differences, plan_seeds
from attnbench.report.plan_terminal import UNKNOWN_NOISE, render_plan

DIFFERENCES = (0.2, 0.5, 1.0, 2.0)
"""Percentage points that are planned for where none is asked for."""


def plan(
    store: Path,
    /,
    *,
    difference: Annotated[float | None, Parameter(show_default=False)] = None,
    seeds: int | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
    workers: int | None = None,
    board: BoardNumbers = (),
) -> int:
    """Tell from stored records how many seeds a difference takes and what they cost; nothing is trained.

    The noise over seeds is taken from the records, which must hold at least two
    seeds of a variant and of the baseline.

    Parameters
    ----------
    store
        Folder of the records.
    difference
        Difference of top-1 accuracies to be shown, percentage points; by default 0.2, 0.5, 1 and 2.
    seeds
        The other way round: so many seeds of each variant, and which difference they show.
    power
        Probability with which a true difference shall be shown.
    alpha
        Level of a family of comparisons.
    workers
        Runs at once; by default as many as the leaderboard takes on this machine.
    board
        Which of several leaderboards, counted from 1; may be repeated.
    """
    _check(difference, seeds, workers)
    records, problems = Store(store).read()
    if not records:
        raise StoreError(f"plan is for leaderboards of classifiers, and {store} holds no record of one to read")
    groups = chosen_boards(comparable(records), board)
    if len(groups) > MANY_BOARDS and not board:
        raise SpecError(
            f"--board must say which leaderboards are planned where there are more than {MANY_BOARDS}; {store} holds "
            f"{len(groups)}, and `attnbench report {store}` lists them by their numbers"
        )
    diverged, diverged_problems = DivergedStore(store).read()
    problems += diverged_problems
    plans = [
        replace(
            _plan(group, difference, seeds, alpha=alpha, power=power),
            diverged=diverged_beside(variants_of(group), diverged),
        )
        for group in groups
    ]
    if all(made.deviation is None for made in plans):
        raise SpecError(UNKNOWN_NOISE)
    with Console(stderr=True).status("Loading torch to know this machine …"):
        machines = [_machine(made, workers) for made in plans]
    console = Console()
    for number, (made, (here, num_workers)) in enumerate(zip(plans, machines, strict=True)):
        if number:
            console.print()
        console.print(render_plan(made, num_workers=num_workers, here=here))
    if problems:
        console.print("\nRecords that could not be read and are left out:", style="bold")
        for problem in problems:
            console.print(f"  {problem}", markup=False, highlight=False)
    return 0


def _check(difference: float | None, seeds: int | None, workers: int | None) -> None:
    if difference is not None and seeds is not None:
        raise SpecError(f"--difference and --seeds exclude each other; got difference={difference:g} and seeds={seeds}")
    if workers is not None and workers < 1:
        raise SpecError(f"workers must be at least 1; got workers={workers}")


def _plan(group: list[Record], difference: float | None, seeds: int | None, *, alpha: float, power: float) -> Plan:
    if seeds is not None:
        return plan_seeds(group, seeds, alpha=alpha, power=power)
    return plan_differences(group, DIFFERENCES if difference is None else (difference,), alpha=alpha, power=power)


def _machine(made: Plan, workers: int | None) -> tuple[Machine | None, int]:
    """This machine as it would train the further runs, none where it cannot, and how many at once."""
    from attnbench.environment import capture_environment
    from attnbench.executors.devices import default_num_workers
    from attnbench.hardware import use_threads

    compute = made.spec.compute
    try:
        default = default_num_workers(compute, num_runs=made.most_further_runs)
        with use_threads(compute.threads):
            here = machine_of(capture_environment(compute))
    except SpecError:  # the records are of a GPU, and here is none
        return None, workers or 1
    return here, workers or default
