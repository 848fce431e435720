"""A detection board as text for a terminal or a pipe."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.text import Text

from attnbench.report.columns import Column, fits, tables, variant_column
from attnbench.report.detection.board import DetectionBoard
from attnbench.report.detection.table import BlockTable, Group, detection_table
from attnbench.report.leaderboard.terminal import problem_lines
from attnbench.report.text import shown


def render_detection(
    board: DetectionBoard, *, store: str | None = None, problems: Sequence[str] = ()
) -> RenderableType:
    """A detection board for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        board: The board.
        store: Folder of the records, to say how to see the tables again.
        problems: A sentence for each record that could not be read.

    Returns:
        Conditions, a block of tables for each detector, and notes. Text from records is never read as markup.
    """
    return _Rendering(board, store, tuple(problems))


@dataclass(frozen=True)
class _Rendering:
    board: DetectionBoard
    store: str | None
    problems: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only, table = options.ascii_only, detection_table(self.board)
        yield shown(table.title, ascii_only, style="bold")
        for line in table.conditions:
            yield shown(line, ascii_only)
        for block in table.blocks:
            yield Text()
            yield shown(block.detector, ascii_only, style="bold")
            yield from _tables(block, width=options.max_width, ascii_only=ascii_only)
        yield Text()
        for paragraph in table.notes:
            yield shown(paragraph, ascii_only)
        yield from problem_lines(self.problems, ascii_only)
        if self.store is not None:
            yield Text()
            yield shown(f"These tables again: attnbench report {self.store}", ascii_only)


def _tables(block: BlockTable, *, width: int, ascii_only: bool) -> Iterator[RenderableType]:
    names = variant_column(block.names, baseline=block.baseline, wide=False)
    bold = [name == block.baseline for name in block.names]
    costs, figures, published = (_columns(block, part) for part in (block.costs, block.figures, block.published))
    # All beside each other; else all figures beside each other; else as much as has room.
    if fits(names, [*costs, *figures], width=width, ascii_only=ascii_only):
        groups = [[*costs, *figures]]
    elif fits(names, figures, width=width, ascii_only=ascii_only):
        groups = [costs, figures]
    else:
        groups = [[column] for column in (*costs, *figures)]
    drawn = tables(names, [*groups, published], bold=bold, width=width, ascii_only=ascii_only)
    for number, table in enumerate(drawn):
        if number:
            yield Text()
        yield table


def _columns(block: BlockTable, groups: Sequence[Group]) -> list[Column]:
    rows = range(len(block.names))
    return [Column("\n".join(group.header), tuple("\n".join(group.cell(row)) for row in rows)) for group in groups]
