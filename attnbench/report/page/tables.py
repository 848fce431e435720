"""The page's tables, which need no script: the leaderboard, all pairs, and the numbers behind the plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.cells import Cell, Raw, TableColumn, mark
from attnbench.report.leaderboard.differences import Difference
from attnbench.report.leaderboard.plotted import BoardCost
from attnbench.report.numbers import between, p_value, plural, signed_points
from attnbench.report.page.drawn import CostPlot, CurvePoint, Delta
from attnbench.report.page.plots import top1_text
from attnbench.report.page.runs import Run

SORTED_BY = {"images_per_s": "throughput_ratio"}
"""Values that a column is sorted by where they are not its first ones."""
_SORTED_BY_HEADER = {"p": "p_corrected"}
"""The same of columns that have no values of their own."""
_STEPS = 4
"""Shades of one sign in the table of all pairs."""


@dataclass(frozen=True, kw_only=True)
class PageCell:
    """A number, what belongs to it, and where sorting puts it."""

    text: str
    """Rounded."""
    beside: str
    """Its difference or its uncertainty."""
    sort: str
    """The number as measured, or a word; empty where there is none, which comes last."""
    stands_out: bool
    """Whether it is the best, and shown to be."""


@dataclass(frozen=True, kw_only=True)
class PageColumn:
    """A column of the leaderboard."""

    header: str
    """What it is, with its unit."""
    beside: str
    """What stands beside it."""
    cells: tuple[PageCell, ...]
    """In the order of the rows."""
    has_beside: bool
    """Whether some cell has a second part."""
    source: str
    """Whose number it is, where it was not measured here."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The difference of two variants as a cell."""

    text: str
    """Mean, with the mark of a difference that is shown."""
    interval: str
    """The 95 % interval of this comparison alone."""
    p: str
    """The p-value, corrected for all pairs."""
    shade: str
    """Class of page.css: sign and size beside the largest difference."""
    title: str
    """Which variants."""
    words: str
    """The whole of it in words."""
    is_shown: bool
    """Whether it passed the correction, over seeds."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """A plain table."""

    headers: tuple[str, ...]
    """Of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, the first of which names the row."""


def page_columns(columns: Sequence[TableColumn], *, num_rows: int) -> tuple[PageColumn, ...]:
    """The columns of a table that every format shows, with what they are sorted by."""
    by_key = {key: (column, place) for column in columns for place, key in enumerate(column.keys)}

    def sort_value(column: TableColumn, row: int) -> Raw:
        first = column.keys[0] if column.keys else _SORTED_BY_HEADER.get(column.header, "")
        key = SORTED_BY.get(first, first)
        if key not in by_key:
            return column.cells[row].text or None
        holder, place = by_key[key]
        return holder.cells[row].raw[place]

    def cell(column: TableColumn, row: int) -> PageCell:
        return page_cell(column.cells[row], sort_value(column, row))

    return tuple(
        PageColumn(
            header=column.header,
            beside=column.beside,
            cells=tuple(cell(column, row) for row in range(num_rows)),
            has_beside=any(found.beside for found in column.cells),
            source=column.source,
        )
        for column in columns
    )


def page_cell(cell: Cell, value: Raw) -> PageCell:
    """A cell that is sorted by a value."""
    return PageCell(
        text=cell.text, beside=cell.beside, sort="" if value is None else str(value), stands_out=cell.stands_out
    )


def pairs_of(board: Leaderboard) -> tuple[tuple[Pair | None, ...], ...]:
    """Every variant less every other one, rows and columns in the order of the table; none where nothing is known."""
    found = {(difference.variant, difference.other): difference for difference in board.differences}
    largest = max((abs(difference.mean) for difference in board.differences), default=0.0)

    def pair(one: Row, other: Row) -> Pair | None:
        if (one.variant, other.variant) in found:
            return _pair(one, other, found[one.variant, other.variant], 1, largest)
        if (other.variant, one.variant) in found:
            return _pair(one, other, found[other.variant, one.variant], -1, largest)
        return None

    return tuple(tuple(pair(one, other) for other in board.rows) for one in board.rows)


def cost_numbers(board: Leaderboard, costs: Mapping[BoardCost, CostPlot]) -> Numbers:
    """What the plot of accuracy against cost shows, in words."""

    def cells(place: int, row: Row) -> tuple[str, ...]:
        return row.variant, top1_text(row), *(plot.points[place].text for plot in costs.values())

    return Numbers(
        headers=("variant", "accuracy", *(plot.name for plot in costs.values())),
        rows=tuple(cells(place, row) for place, row in enumerate(board.rows)),
    )


def run_numbers(headers: Sequence[str], runs: Mapping[str, Sequence[Run]]) -> Numbers:
    """Every run of every variant.

    Args:
        headers: What the cells of a run are.
        runs: The runs by variant.
    """
    return Numbers(
        headers=("variant", "seed", *headers, "digest"),
        rows=tuple((name, str(run.seed), *run.cells, run.digest) for name, members in runs.items() for run in members),
    )


def curve_numbers(names: Sequence[str], curves: Sequence[Sequence[CurvePoint]], *, place: str = "epoch") -> Numbers:
    """Means by epoch, or by another place, and variant, with what stands beside them."""
    texts = [{point.at: point.text for point in curve} for curve in curves]
    places = sorted({at for curve in texts for at in curve})
    return Numbers(
        headers=(place, *names),
        rows=tuple((f"{at:g}", *(curve.get(at, "") for curve in texts)) for at in places),
    )


def seed_numbers(names: Sequence[str], deltas: Sequence[Delta | None]) -> Numbers:
    """Difference to the baseline by seed and variant, for the variants that share a seed with it."""
    compared = [(name, delta) for name, delta in zip(names, deltas, strict=True) if delta is not None]
    texts = [{seed.seed: seed.text for seed in delta.seeds} for _, delta in compared]
    seeds = sorted({seed for by_seed in texts for seed in by_seed})
    return Numbers(
        headers=("seed", *(name for name, _ in compared)),
        rows=tuple((str(seed), *(by_seed.get(seed, "–") for by_seed in texts)) for seed in seeds),
    )


def _pair(one: Row, other: Row, difference: Difference, sign: int, largest: float) -> Pair:
    mean = sign * difference.mean
    low, high = sorted((sign * difference.low, sign * difference.high))
    text, interval, p = signed_points(mean) + mark(difference), between(low, high), p_value(difference.p_corrected)
    step = round(_STEPS * abs(mean) / largest) if largest else 0
    return Pair(
        text=text,
        interval=interval,
        p=p,
        shade=f"{'higher' if mean > 0 else 'lower'}-{step}" if step else "",
        title=f"{one.variant} less {other.variant}",
        words=f"Δ top-1 {text} {interval}, p {p} after Holm's correction for "
        f"{plural(difference.family_size, 'pair')}, {plural(len(difference.seeds), 'shared seed')}",
        is_shown=difference.is_shown,
    )
