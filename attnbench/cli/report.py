"""`attnbench report`: stored leaderboards again, without training, in the format that is asked for."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

from cyclopts import Parameter
from rich.console import Console

from attnbench.cli.boards import MANY_BOARDS, BoardNumbers, chosen_boards
from attnbench.cli.detection_boards import detection_text, print_detection_boards
from attnbench.cli.efficiency import print_efficiency
from attnbench.cli.held import Held, read_held, say_left_out
from attnbench.cli.output import write_report
from attnbench.cli.report_page import page_text
from attnbench.detection_record import DetectionRecord
from attnbench.diverged_record import AnyDivergedRun, Task
from attnbench.errors import SpecError, StoreError
from attnbench.record import Record, Store
from attnbench.report import (
    board_of,
    changes,
    comparable,
    detection_boards,
    leaderboards,
    overview,
    render,
    render_changes,
    render_overview,
)
from attnbench.report.text import shown

if TYPE_CHECKING:
    from attnbench.report.plots.board_plots import SavedPlots

B = TypeVar("B")
Format: TypeAlias = Literal["table", "markdown", "latex", "csv", "json", "html"]


def report(
    store: Path,
    /,
    *,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    task: Task | None = None,
    output: Path | None = None,
    board: BoardNumbers = (),
    plots: Path | None = None,
    pictures: Path | None = None,
    against: Path | None = None,
) -> int:
    """Show the leaderboards, detection and efficiency tables of the records in a store; nothing is trained or measured.

    Parameters
    ----------
    store
        Folder of the records.
    format_
        A table for the terminal, a table for a page or a paper, the values as measured, or a page of its own, which
        holds leaderboards and detection tables alike.
    task
        Only the leaderboards, or only the detection tables; by default all that the store holds.
    output
        File to write; without it the report is printed.
    board
        Which of several leaderboards of classification, counted from 1; may be repeated.
    plots
        Folder for the plots of each leaderboard, as PNG and SVG; those of detectors go into its folder detection.
    pictures
        Folder of attnbench visualize, whose pictures with their captions end the page of --format html.
    against
        Folder of earlier records: say what has changed since, with intervals.
    """
    if output is not None and format_ == "table":
        raise SpecError(
            "--output needs a format for files; got --format table, allowed: markdown, latex, csv, json, html"
        )
    if output is not None and output.suffix == Store.suffix and output.parent.resolve() == store.resolve():
        raise SpecError(f"a {Store.suffix} file in the store would be taken for a record; got --output {output}")
    if pictures is not None and format_ != "html":
        raise SpecError(f"--pictures goes with --format html; got --format {format_}")
    if against is not None and (format_ != "table" or plots is not None):
        raise SpecError("--against prints what has changed; got --format or --plots beside it")
    if task == "detection" and (board or against is not None):
        raise SpecError(
            "--board and --against are of leaderboards of classification; got one of them with --task detection"
        )
    held = read_held(store, task)
    groups = chosen_boards(comparable(held.records), board)
    detected = [] if board else held.detected
    held = replace(held, without_table=[] if board else held.without_table)
    if against is not None:
        return _changes(groups, store, against, held.problems)
    if plots is not None:
        _draw(groups, detected, plots, store)
    if format_ != "table":
        if format_ == "html":
            text = page_text(groups, detected, held, store, pictures)
        else:
            text = _formatted(groups, detected, format_, store, held)
        write_report(text, output)
        return 0
    if len(groups) > MANY_BOARDS and not board:
        Console().print(
            render_overview(
                overview(groups),
                store=str(store),
                problems=held.problems,
                num_diverged=sum(run.task == "classification" for run in held.diverged),
            )
        )
    elif groups:
        _print_groups(groups, store=store, problems=held.problems, diverged=held.diverged)
    else:
        say_left_out(held.problems)
    if detected:
        print_detection_boards(detected, store=store, problems=held.detected_problems, diverged=held.diverged)
    elif not held.detected:
        say_left_out(held.detected_problems)
    if held.rows and not board:
        print_efficiency(held.rows, store=store, problems=held.row_problems)
    elif not held.rows:
        say_left_out(held.row_problems)
    console = Console()
    for number, paragraph in enumerate(held.without_table):
        if number or groups or detected or held.rows:
            console.print()
        console.print(shown(paragraph, console.options.ascii_only))
    return 0


def print_leaderboards(records: Sequence[Record], *, store: Path, diverged: Sequence[AnyDivergedRun] = ()) -> None:
    """Print one table for each group of comparable records.

    Args:
        records: Records in any order.
        store: Where they are, to say how to see the tables again.
        diverged: Runs that diverged, which the tables name.
    """
    _print_groups(comparable(records), store=store, diverged=diverged)


def _print_groups(
    groups: Sequence[Sequence[Record]],
    *,
    store: Path,
    problems: Sequence[str] = (),
    diverged: Sequence[AnyDivergedRun],
) -> None:
    console = Console()
    for group in groups:
        last = group is groups[-1]
        console.print(render(board_of(group, diverged), store=str(store), problems=problems if last else ()))
        if not last:
            console.print()


def _formatted(
    groups: Sequence[Sequence[Record]],
    detected: Sequence[DetectionRecord],
    format_: Format,
    store: Path,
    held: Held,
) -> str:
    """The leaderboards and detection tables in a format for files."""
    if groups and detected and format_ in ("csv", "json"):
        raise SpecError(
            f"--format {format_} holds one kind of table, and {store} holds runs of classification and of detection: "
            "choose one by --task"
        )
    problems = [*held.problems, *held.detected_problems]
    if format_ in ("markdown", "latex", "csv") or not (groups or detected):
        say_left_out([*problems, *held.without_table])
    if not detected:
        return _leaderboards_text(groups, format_, store, held)
    text = detection_text(
        detected, format_, problems=problems, diverged=held.diverged, without_table=held.without_table
    )
    return "\n".join([_leaderboards_text(groups, format_, store, held), text]) if groups else text


def _leaderboards_text(groups: Sequence[Sequence[Record]], format_: Format, store: Path, held: Held) -> str:
    from attnbench.report.leaderboard.flat import csv_text, json_text
    from attnbench.report.leaderboard.latex import latex
    from attnbench.report.leaderboard.markdown import markdown
    from attnbench.report.leaderboard.table import leaderboard_table

    if not groups:
        raise SpecError(f"--format {format_} shows leaderboards, and {store} holds no record of a run")
    boards = [board_of(group, held.diverged) for group in groups]
    match format_:
        case "markdown":
            return "\n".join(markdown(leaderboard_table(board)) for board in boards)
        case "latex":
            tables = enumerate(map(leaderboard_table, boards), 1)
            return "\n".join(latex(table, label=f"tab:leaderboard-{number}") for number, table in tables)
        case "csv":
            return csv_text(boards)
    return json_text(boards, problems=[*held.problems, *held.detected_problems], without_table=held.without_table)


def _changes(groups: Sequence[Sequence[Record]], store: Path, against: Path, problems: Sequence[str]) -> int:
    earlier, earlier_problems = Store(against).read()
    if not groups or not earlier:
        empty = against if groups else store
        raise StoreError(f"--against compares leaderboards of classifiers, and {empty} holds no record of one to read")
    found = changes([board_of(group) for group in groups], leaderboards(earlier))
    names = (str(store), str(against))
    Console().print(render_changes(found, names=names, problems=[*problems, *earlier_problems]))
    return 0


def _draw(groups: Sequence[Sequence[Record]], detected: Sequence[DetectionRecord], folder: Path, store: Path) -> None:
    # Before the report is printed, so that what is wrong with a plot is not lost above it.
    from attnbench.report.plots.board_plots import save_plots
    from attnbench.report.plots.detection.plots import save_detection_plots

    if not groups and not detected:
        raise SpecError(f"--plots draws leaderboards, and {store} holds no record of a run")
    _draw_each([board_of(group) for group in groups], save_plots, folder)
    _draw_each(detection_boards(detected), save_detection_plots, folder / "detection")


def _draw_each(boards: Sequence[B], save: "Callable[[B, Path], SavedPlots]", folder: Path) -> None:
    """Draw boards of one kind, each into a folder of its own if there are several."""
    for number, board in enumerate(boards, 1):
        target = folder / str(number) if len(boards) > 1 else folder
        saved = save(board, target)
        print(f"{len(saved.files)} plots are in {target}.", file=sys.stderr)
        for sentence in saved.left_out:
            print(sentence, file=sys.stderr)
