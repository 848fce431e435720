"""The changes between two stores as text for a terminal or a pipe."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from attnbench.report.changes.boards import BoardChange, Changes, VariantChange
from attnbench.report.changes.notes import change_conclusions, change_conditions, unmatched
from attnbench.report.columns import Column, tables, variant_column
from attnbench.report.leaderboard.board import Row
from attnbench.report.leaderboard.cells import mark
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.terminal import problem_lines
from attnbench.report.numbers import between, half_width, p_value, signed_count, signed_points
from attnbench.report.text import WIDE, shown


def render_changes(
    changes: Changes, *, names: tuple[str, str] = ("", ""), problems: Sequence[str] = ()
) -> RenderableType:
    """Changes for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        changes: The changes.
        names: Folders of A and of B.
        problems: A sentence for each record that could not be read.

    Returns:
        Conditions, tables and conclusions. Text from records is never read as markup.
    """
    return _Rendering(changes, names, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    changes: Changes
    names: tuple[str, str]
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only, width = options.ascii_only, options.max_width
        for store, name, role in zip("AB", self.names, ("what is reported", "what it is compared with"), strict=True):
            if name:
                yield shown(f"{store}, {role}: {name}", ascii_only)
        for board in self.changes.boards:
            yield Text()
            yield shown(heading(board.after), ascii_only, "bold")
            for line in change_conditions(board):
                yield shown(line, ascii_only)
            if board.variants:
                bold = [change.is_baseline for change in board.variants]
                groups = _groups(board, wide=width >= WIDE)
                name_column = _names(board, wide=width >= WIDE)
                for table in tables(name_column, groups, bold=bold, width=width, ascii_only=ascii_only):
                    yield Text()
                    yield table
            yield Text()
            for paragraph in change_conclusions(board):
                yield shown(paragraph, ascii_only)
        lines = unmatched(self.changes)
        if lines:
            yield Text()
        for line in lines:
            yield shown(line, ascii_only)
        yield from problem_lines(self.problems, ascii_only)


def _names(board: BoardChange, *, wide: bool) -> Column:
    baseline = next((change.variant for change in board.variants if change.is_baseline), None)
    return variant_column([change.variant for change in board.variants], baseline=baseline, wide=wide)


def _groups(board: BoardChange, *, wide: bool) -> list[list[Column]]:
    """Columns that belong together: accuracies, differences to the baseline, and costs."""
    gap = " " if wide else "\n"

    def column(header: str, cell: Callable[[VariantChange], str]) -> Column:
        return Column(header=header, cells=tuple(cell(change) for change in board.variants))

    return [
        [
            column(f"B top-1 %{gap}± 95 %", lambda change: _top1(change.before, gap)),
            column(f"A top-1 %{gap}± 95 %", lambda change: _top1(change.after, gap)),
            column(f"A − B{gap}95 %", lambda change: _moved(change, gap)),
            column(f"p{gap}Holm", _p),
        ],
        [
            column(f"B{gap}Δ base", lambda change: _difference(change.before)),
            column(f"A{gap}Δ base", lambda change: _difference(change.after)),
        ],
        [
            column("params\nMACs", lambda change: "\n".join(_counts(change))),
            column("× baseline\nB, A", lambda change: _paces(change)),
            column(f"A / B{gap}95 %", lambda change: _speed(change, gap)),
        ],
    ]


def _top1(row: Row, gap: str) -> str:
    return f"{row.top1_percent.mean:.2f}{gap}{half_width(row.top1_percent)}"


def _moved(change: VariantChange, gap: str) -> str:
    accuracy = change.accuracy
    if change.is_unchanged:
        return "the same"
    star = " *" if accuracy.is_shown else " †" if accuracy.is_shown_for_networks else ""
    ends = between(accuracy.low, accuracy.high) if accuracy.low is not None and accuracy.high is not None else ""
    return gap.join(filter(None, (signed_points(accuracy.mean) + star, ends)))


def _p(change: VariantChange) -> str:
    return "" if change.accuracy.p_corrected is None else p_value(change.accuracy.p_corrected)


def _difference(row: Row) -> str:
    difference = row.top1_difference
    return "" if difference is None else f"{signed_points(difference.mean)} {mark(difference)}".rstrip()


def _counts(change: VariantChange) -> tuple[str, str]:
    parameters, macs = change.parameters_change, change.macs_change
    return signed_count(parameters) if parameters else "same", signed_count(macs) if macs else "same"


def _paces(change: VariantChange) -> str:
    return "\n".join(f"{row.throughput_ratio.median:.2f}" for row in (change.before, change.after))


def _speed(change: VariantChange, gap: str) -> str:
    speed = change.speed
    if speed is None:
        return ""
    ends = f"({speed.low:.2f}–{speed.high:.2f})" if speed.has_interval else "(too few)"
    return f"{speed.ratio:.2f}{gap}{ends}"
