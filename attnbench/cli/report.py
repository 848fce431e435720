"""`attnbench report`: stored leaderboards again, without training, in the format that is asked for."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter
from rich.console import Console

from attnbench.cli.boards import MANY_BOARDS, BoardNumbers, chosen_boards
from attnbench.cli.efficiency import print_efficiency
from attnbench.cli.output import write_report
from attnbench.efficiency_record import EfficiencyStore
from attnbench.errors import SpecError, StoreError
from attnbench.record import Record, Store
from attnbench.report import (
    board_of,
    changes,
    comparable,
    leaderboards,
    overview,
    render,
    render_changes,
    render_overview,
)

Format: TypeAlias = Literal["table", "markdown", "latex", "csv", "json", "html"]


def report(
    store: Path,
    /,
    *,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    output: Path | None = None,
    board: BoardNumbers = (),
    plots: Path | None = None,
    against: Path | None = None,
) -> int:
    """Show the leaderboards and the efficiency tables of the records in a store; nothing is trained or measured.

    Parameters
    ----------
    store
        Folder of the records.
    format_
        A table for the terminal, a table for a page or a paper, the values as measured, or a page of its own.
    output
        File to write; without it the report is printed.
    board
        Which of several leaderboards, counted from 1; may be repeated.
    plots
        Folder for the plots of each leaderboard, as PNG and SVG.
    against
        Folder of earlier records: say what has changed since, with intervals.
    """
    if output is not None and format_ == "table":
        raise SpecError(
            "--output needs a format for files; got --format table, allowed: markdown, latex, csv, json, html"
        )
    if output is not None and output.suffix == Store.suffix and output.parent.resolve() == store.resolve():
        raise SpecError(f"a {Store.suffix} file in the store would be taken for a record; got --output {output}")
    if against is not None and (format_ != "table" or plots is not None):
        raise SpecError("--against prints what has changed; got --format or --plots beside it")
    records, problems = Store(store).read()
    rows, row_problems = EfficiencyStore(store).read()
    if not records and not rows:
        for problem in problems + row_problems:
            print(problem, file=sys.stderr)
        raise StoreError(f"{store} holds no record that can be read")
    groups = chosen_boards(comparable(records), board)
    if against is not None:
        return _changes(groups, store, against, problems)
    if plots is not None:
        _draw(groups, plots, store)
    if format_ == "table":
        if len(groups) > MANY_BOARDS and not board:
            Console().print(render_overview(overview(groups), store=str(store), problems=problems))
        elif groups:
            _print_groups(groups, store=store, problems=problems)
        else:
            _say_left_out(problems)
        if rows and not board:
            print_efficiency(rows, store=store, problems=row_problems)
        elif not rows:
            _say_left_out(row_problems)
    else:
        write_report(_formatted(groups, format_, store, problems), output)
    return 0


def print_leaderboards(records: Sequence[Record], *, store: Path) -> None:
    """Print one table for each group of comparable records."""
    _print_groups(comparable(records), store=store)


def _print_groups(groups: Sequence[Sequence[Record]], *, store: Path, problems: Sequence[str] = ()) -> None:
    console = Console()
    for group in groups:
        last = group is groups[-1]
        console.print(render(board_of(group), store=str(store), problems=problems if last else ()))
        if not last:
            console.print()


def _formatted(groups: Sequence[Sequence[Record]], format_: Format, store: Path, problems: Sequence[str]) -> str:
    from attnbench.report.leaderboard.flat import csv_text, json_text
    from attnbench.report.leaderboard.latex import latex
    from attnbench.report.leaderboard.markdown import markdown
    from attnbench.report.leaderboard.table import leaderboard_table

    if not groups:
        raise SpecError(f"--format {format_} shows leaderboards, and {store} holds no record of a run")
    boards = [board_of(group) for group in groups]
    if format_ in ("markdown", "latex", "csv"):
        _say_left_out(problems)
    match format_:
        case "markdown":
            return "\n".join(markdown(leaderboard_table(board)) for board in boards)
        case "latex":
            tables = enumerate(map(leaderboard_table, boards), 1)
            return "\n".join(latex(table, label=f"tab:leaderboard-{number}") for number, table in tables)
        case "csv":
            return csv_text(boards)
        case "json":
            return json_text(boards, problems=problems)
    from attnbench.report.page import render_page

    return render_page(boards, store=str(store), problems=problems)


def _say_left_out(problems: Sequence[str]) -> None:
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)


def _changes(groups: Sequence[Sequence[Record]], store: Path, against: Path, problems: Sequence[str]) -> int:
    earlier, earlier_problems = Store(against).read()
    if not groups or not earlier:
        raise StoreError(f"{against if groups else store} holds no record of a run that can be read")
    found = changes([board_of(group) for group in groups], leaderboards(earlier))
    names = (str(store), str(against))
    Console().print(render_changes(found, names=names, problems=[*problems, *earlier_problems]))
    return 0


def _draw(groups: Sequence[Sequence[Record]], folder: Path, store: Path) -> None:
    # Before the report is printed, so that what is wrong with a plot is not lost above it.
    from attnbench.report.plots.board_plots import save_plots

    if not groups:
        raise SpecError(f"--plots draws leaderboards, and {store} holds no record of a run")
    for number, group in enumerate(groups, 1):
        target = folder / str(number) if len(groups) > 1 else folder
        saved = save_plots(board_of(group), target)
        print(f"{len(saved.files)} plots are in {target}.", file=sys.stderr)
        for sentence in saved.left_out:
            print(sentence, file=sys.stderr)
