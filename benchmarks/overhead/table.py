"""The measurements as rows of a table, with the targets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from attnbench.report.numbers import plural
from benchmarks.overhead.leaderboard import PARTS, Processes, Round
from benchmarks.overhead.spent import Spent
from benchmarks.overhead.starting import COMMANDS
from benchmarks.overhead.timm_script import Beside

MOST_OVER_BARE = 1.05
"""What a leaderboard may take over the bare loop."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    label: str
    seconds: Sequence[float] = ()
    """By the clock, one a round."""
    ratios: Sequence[float] = ()
    """To what it is compared with, one a round."""
    processor_ratios: Sequence[float] = ()
    """The same of the processors' time."""
    target: str = ""
    is_met: bool | None = None
    """Whether the median meets the target; none where there is none."""


def ratios_of(pairs: Sequence[tuple[Spent, Spent]]) -> dict[str, list[float]]:
    """Ratios by the clock and of the processors, of the first of each pair to the second."""
    return {
        "ratios": [ours.wall_s / theirs.wall_s for ours, theirs in pairs],
        "processor_ratios": [ours.processor_s / theirs.processor_s for ours, theirs in pairs],
    }


def rows_in_one_process(rounds: Sequence[Round], num_runs: int) -> Iterator[Row]:
    """The bare loop, the leaderboard, and what of it the loop does not do."""
    trainings = plural(num_runs, "training")
    yield Row(label=f"bare loop, {trainings}", seconds=[one.bare.wall_s for one in rounds])
    ratios = ratios_of([(one.suite, one.bare) for one in rounds])
    yield Row(
        label="attnbench, the same as a leaderboard",
        seconds=[one.suite.wall_s for one in rounds],
        **ratios,
        target=f"at most {MOST_OVER_BARE}",
        is_met=median(ratios["ratios"]) <= MOST_OVER_BARE,
    )
    for name, label in PARTS.items():
        yield Row(label=f"  of that: {label}", seconds=[one.parts_s[name] for one in rounds])
    without = [one.suite.wall_s - sum(one.parts_s.values()) for one in rounds]
    bare = [one.bare.wall_s for one in rounds]
    yield Row(
        label="  without these",
        seconds=without,
        ratios=[ours / theirs for ours, theirs in zip(without, bare, strict=True)],
    )


def rows_of_processes(rounds: Sequence[Processes], num_runs: int) -> Iterator[Row]:
    """The script and the command line, and the time per run with several at once."""
    yield Row(label="script of the bare loop", seconds=[one.bare.wall_s for one in rounds])
    for number in rounds[0].suites:
        pairs = [(one.suites[number], one.bare) for one in rounds]
        label = f"attnbench leaderboard --workers {number}"
        yield Row(label=label, seconds=[ours.wall_s for ours, _ in pairs], **ratios_of(pairs))
    for number in rounds[0].suites:
        yield Row(
            label=f"  a run, {number} at once",
            seconds=[one.suites[number].wall_s / num_runs for one in rounds],
            ratios=[one.suites[number].wall_s / one.suites[1].wall_s for one in rounds] if number > 1 else (),
        )


def rows_of_starts(spent: dict[str, list[Spent]]) -> Iterator[Row]:
    """What commands take that a user waits for."""
    for command in COMMANDS:
        seconds = [one.wall_s for one in spent[command.words]]
        limited = command.most_s is not None
        yield Row(
            label=f"attnbench {command.words}",
            seconds=seconds,
            target=f"under {command.most_s:g} s" if limited else "",
            is_met=median(seconds) < command.most_s if command.most_s is not None else None,
        )


def rows_beside_timm(measured: Sequence[Beside], model: str) -> Iterator[Row]:
    """timm's script and attnbench."""
    yield Row(label=f"timm's train.py, {model}", seconds=[one.timm.wall_s for one in measured])
    ratios = ratios_of([(one.attnbench, one.timm) for one in measured])
    yield Row(
        label="attnbench train",
        seconds=[one.attnbench.wall_s for one in measured],
        **ratios,
        target="under 1",
        is_met=median(ratios["ratios"]) < 1,
    )


def table(sections: dict[str, Sequence[Row]]) -> Table:
    """All rows below the names of their sections."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("", overflow="fold")
    for name in ("seconds", "ratio", "of processors", "target"):
        made.add_column(name, justify="right")
    for number, (name, rows) in enumerate(sections.items()):
        if number:
            made.add_row()
        made.add_row(name, style="bold")
        for row in rows:
            made.add_row(*cells(row))
    return made


def cells(row: Row) -> tuple[str, ...]:
    """A row in words."""
    verdict = {None: "", True: ": met", False: ": missed"}[row.is_met]
    return (
        row.label,
        spread(row.seconds),
        spread(row.ratios, digits=3),
        f"{median(row.processor_ratios):.3f}" if row.processor_ratios else "",
        f"{row.target}{verdict}",
    )


def spread(numbers: Sequence[float], *, digits: int = 2) -> str:
    """Median, smallest and largest.

    >>> spread([3.0, 1.0, 2.0])
    '2.00 [1.00 … 3.00]'
    >>> spread([])
    ''
    """
    if not numbers:
        return ""
    middle, low, high = (f"{number:.{digits}f}" for number in (median(numbers), min(numbers), max(numbers)))
    return f"{middle} [{low} … {high}]"
