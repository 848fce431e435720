"""The table of a detection board in the page: all detectors in one, with what it is sorted by."""

from dataclasses import dataclass

from attnbench.report.detection.board import DetectionBoard, DetectionRow
from attnbench.report.detection.figures import TESTED
from attnbench.report.detection.table import BlockTable, DetectionTable, Group, all_groups
from attnbench.report.leaderboard.cells import TableColumn
from attnbench.report.numbers import macs_unit
from attnbench.report.page.tables import SORTED_BY, Numbers, PageCell, page_cell

_EMPTY = PageCell(text="", beside="", sort="", stands_out=False)


@dataclass(frozen=True, kw_only=True)
class PageRow:
    """A variant in a detector."""

    detector: str
    """The detector, with its settings only where another shares its name."""
    variant: str
    """The variant."""
    is_baseline: bool
    """Whether the others of the detector are compared with it."""
    is_shown: bool
    """Whether it is the baseline, or differs from it beyond the correction."""


@dataclass(frozen=True, kw_only=True)
class PageGroup:
    """A number of every row, and below it the difference to the baseline where it has one."""

    header: str
    """What the number is, with its unit."""
    beside: str
    """What stands beside it."""
    difference_header: str
    """What the difference is; empty where there is none."""
    difference_beside: str
    """What stands beside that."""
    source: str
    """Whose number it is, where it was not measured here."""
    place: int
    """Which of the columns that a row is sorted by the number is; the difference is the next."""
    cells: tuple[PageCell, ...]
    """The numbers."""
    differences: tuple[PageCell, ...]
    """The differences; empty where there are none."""


def page_rows(board: DetectionBoard, names: dict[str, str]) -> tuple[PageRow, ...]:
    """The rows of all detectors, in the order of their tables.

    Args:
        board: The board.
        names: What each detector is called.
    """
    return tuple(
        PageRow(
            detector=names[block.detector],
            variant=row.variant,
            is_baseline=row.is_baseline,
            is_shown=row.is_baseline or _differs(row),
        )
        for block in board.blocks
        for row in block.rows
    )


def page_groups(table: DetectionTable) -> tuple[PageGroup, ...]:
    """The columns of all detectors together; what one of them does not have is empty."""
    groups, place = [], 2  # after the detector and the variant
    for name, whole in all_groups(table).items():
        has_difference = len(whole.columns) > 1
        groups.append(_group(table, name, whole, place))
        place += 1 + has_difference
    return tuple(groups)


def part_numbers(board: DetectionBoard, names: dict[str, str]) -> Numbers:
    """Parameters and multiply-accumulates of each part."""
    rows = [(names[block.detector], row) for block in board.blocks for row in block.rows]
    most = max(max(row.counts.body_macs, row.counts.region_macs) for _, row in rows)
    unit, size = macs_unit(most)
    parts = {"body": "body_macs", "pyramid": "pyramid_macs", "proposals or dense heads": "dense_macs",
             "regions": "region_macs"}  # fmt: skip

    def cells(detector: str, row: DetectionRow) -> tuple[str, ...]:
        counts = row.counts
        macs = [f"{getattr(counts, name) / size:,.2f}" for name in parts.values()]
        return detector, row.variant, f"{counts.parameters:,}", f"{counts.body_parameters:,}", *macs

    headers = ("detector", "variant", "parameters", "of the body", *(f"{part}, {unit}" for part in parts))
    return Numbers(headers=headers, rows=tuple(cells(*pair) for pair in rows))


def _group(table: DetectionTable, name: tuple[str, str], whole: Group, place: int) -> PageGroup:
    value, difference = whole.columns[0], whole.columns[1] if len(whole.columns) > 1 else None
    return PageGroup(
        header=value.header,
        beside=value.beside,
        difference_header="" if difference is None else difference.header,
        difference_beside="" if difference is None else difference.beside,
        source=value.source,
        place=place,
        cells=_cells(table, name, 0),
        differences=() if difference is None else _cells(table, name, 1),
    )


def _cells(table: DetectionTable, name: tuple[str, str], part: int) -> tuple[PageCell, ...]:
    """The cells of all rows in the first or second column of a group."""
    return tuple(
        _EMPTY if column is None else _cell(column, row)
        for block in table.blocks
        for column in [_column(block, name, part)]
        for row in range(len(block.names))
    )


def _column(block: BlockTable, name: tuple[str, str], part: int) -> TableColumn | None:
    group = next((group for group in block.groups if group.name == name), None)
    return group.columns[part] if group is not None and part < len(group.columns) else None


def _cell(column: TableColumn, row: int) -> PageCell:
    cell, first = column.cells[row], column.keys[0]
    return page_cell(cell, cell.raw[column.keys.index(SORTED_BY.get(first, first))])


def _differs(row: DetectionRow) -> bool:
    found = [figures[TESTED].difference for figures in (row.box, row.mask) if figures]
    return any(difference is not None and difference.excludes_zero for difference in found)
