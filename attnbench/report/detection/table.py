"""The tables of a detection board that every format shows: rounded text, and beside it the numbers as measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from attnbench.report.detection.board import DetectionBoard, DetectionRow, DetectorBlock
from attnbench.report.detection.figures import Figure
from attnbench.report.detection.notes import conclusions, conditions, heading, published_line
from attnbench.report.detection.points import between, mark, plus_minus, points, signed_points
from attnbench.report.detection.published import SOURCE, published_columns
from attnbench.report.leaderboard.cells import Cell, Raw, TableColumn
from attnbench.report.leaderboard.compilation import compile_columns
from attnbench.report.numbers import macs_unit, signed_count, signed_number
from attnbench.stats.average_precision import PrecisionInterval

HEADERS = {
    "ap": "AP", "ap50": "AP50", "ap75": "AP75", "ap_small": "AP_S", "ap_medium": "AP_M", "ap_large": "AP_L"
}  # fmt: skip
"""The figures as COCO calls them."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Columns that belong to each other: a figure and its difference to the baseline, or one column alone."""

    columns: tuple[TableColumn, ...]
    """The columns."""
    is_figure: bool = False
    """Whether the first is one of COCO's figures, whose interval has room in the same line."""

    @property
    def name(self) -> tuple[str, str]:
        """What the first column is, and what stands beside it; no two groups of a table share one."""
        return self.columns[0].header, self.columns[0].beside

    @property
    def header(self) -> list[str]:
        """What the lines of a cell are."""
        return self._lines([(column.header, column.beside) for column in self.columns])

    def cell(self, row: int) -> list[str]:
        """The lines of a row's cell."""
        return self._lines([(column.cells[row].text, column.cells[row].beside) for column in self.columns])

    def _lines(self, parts: Sequence[tuple[str, str]]) -> list[str]:
        first = [" ".join(parts[0])] if self.is_figure else parts[0]
        return [line for line in (*first, *(line for part in parts[1:] for line in part)) if line]


@dataclass(frozen=True, kw_only=True)
class BlockTable:
    """The table of one detector."""

    detector: str
    """Detector with its settings."""
    names: tuple[str, ...]
    """The variants, highest AP first."""
    baseline: str | None
    """Which of them the others are compared with."""
    costs: tuple[Group, ...]
    """Parameters, multiply-accumulates and speed, and what compiling took where anything was compiled."""
    figures: tuple[Group, ...]
    """Each of COCO's figures, with its difference where there is one."""
    published: tuple[Group, ...]
    """What others have printed for the same detectors."""
    raw: tuple[TableColumn, ...]
    """What only formats for programs show; its cells have no text."""

    @property
    def groups(self) -> tuple[Group, ...]:
        """All columns that are shown, measured ones first."""
        return (*self.costs, *self.figures, *self.published)


@dataclass(frozen=True, kw_only=True)
class DetectionTable:
    """A detection board as tables with the sentences around them."""

    title: str
    """Backbone and data."""
    conditions: tuple[str, ...]
    """What it was measured on, a line each."""
    blocks: tuple[BlockTable, ...]
    """One a detector. All have the same columns but for masks and for what is published."""
    notes: tuple[str, ...]
    """What it tells and what it does not, a paragraph each."""


def detection_table(board: DetectionBoard) -> DetectionTable:
    """The tables of a board."""
    largest = max(row.counts.body_macs for block in board.blocks for row in block.rows)
    blocks = tuple(_block(board, block, macs_unit(largest)) for block in board.blocks)
    credit = [published_line(SOURCE)] if any(block.published for block in blocks) else []
    return DetectionTable(
        title=heading(board),
        conditions=tuple(conditions(board.facts)),
        blocks=blocks,
        notes=(*conclusions(board), *credit),
    )


def all_groups(table: DetectionTable) -> dict[tuple[str, str], Group]:
    """The columns of all detectors together by their names, in the order of a table that has them all."""
    parts = [[block.costs, block.figures, block.published] for block in table.blocks]
    groups = [group for kind in zip(*parts, strict=True) for part in kind for group in part]
    # Where one detector alone has no differences, another's header says what they are.
    found = dict[tuple[str, str], Group]()
    for group in groups:
        if group.name not in found or len(group.columns) > len(found[group.name].columns):
            found[group.name] = group
    return found


def _block(board: DetectionBoard, block: DetectorBlock, unit: tuple[str, float]) -> BlockTable:
    rows, baseline = block.rows, block.baseline
    box = [_figure(rows, f"{text} %", name, [row.box for row in rows]) for name, text in HEADERS.items()]
    masks = [row.mask for row in rows if row.mask is not None]
    mask = [
        _figure(rows, f"mask {text} %", f"mask_{name}", masks, figure=name)
        for name, text in (HEADERS.items() if masks else ())
    ]
    compiling = compile_columns([row.records for row in rows])
    costs = (_parameters(rows), _macs(rows, unit), _speed(rows), *compiling)
    # Of masks the table shows the mean over all thresholds; programs get the others too.
    return BlockTable(
        detector=block.detector,
        names=tuple(row.variant for row in rows),
        baseline=baseline.variant if baseline else None,
        costs=tuple(Group(columns=(column,)) for column in costs),
        figures=(*box, *mask[:1]),
        published=tuple(Group(columns=(column,)) for column in published_columns(board, block)),
        raw=(*(column for group in mask[1:] for column in group.columns), _other_parts(rows)),
    )


def _figure(
    rows: Sequence[DetectionRow],
    header: str,
    key: str,
    found: Sequence[Mapping[str, Figure]],
    *,
    figure: str | None = None,
) -> Group:
    """A figure of every row, and the differences where any row has one."""
    values = [figures[figure or key] for figures in found]
    value = TableColumn(
        header=header,
        beside="± 95 %",
        keys=(f"{key}_percent", f"{key}_low_percent", f"{key}_high_percent"),
        cells=tuple(
            Cell(text=points(one.percent), beside=plus_minus(one.interval), raw=(one.percent, *_ends(one.interval)))
            for one in values
        ),
    )
    if all(row.is_baseline or row.baseline_counts is None for row in rows):
        return Group(columns=(value,), is_figure=True)
    difference = TableColumn(
        header="Δ",
        beside="95 %",
        keys=tuple(
            f"{key}_difference{end}"
            for end in ("_percent", "_low_percent", "_high_percent", "_excludes_zero_corrected")
        ),
        cells=tuple(map(_difference, values)),
    )
    return Group(columns=(value, difference), is_figure=True)


def _difference(figure: Figure) -> Cell:
    found = figure.difference
    if found is None:
        return Cell(raw=(None,) * 4)
    return Cell(
        text=signed_points(found.mean) + mark(found),
        beside=between(found.interval),
        raw=(found.mean, *_ends(found.interval), found.excludes_zero),
    )


def _ends(interval: PrecisionInterval | None) -> tuple[Raw, Raw]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _column(
    rows: Sequence[DetectionRow], cell: Callable[[DetectionRow], Cell], header: str, beside: str, keys: tuple[str, ...]
) -> TableColumn:
    return TableColumn(header=header, beside=beside, keys=keys, cells=tuple(map(cell, rows)))


def _parameters(rows: Sequence[DetectionRow]) -> TableColumn:
    def cell(row: DetectionRow) -> Cell:
        own, base = row.counts.body_parameters, row.baseline_counts
        difference = None if base is None else own - base.body_parameters
        beside = "" if row.is_baseline or difference is None else f"({signed_count(difference)})"
        return Cell(text=f"{own:,}", beside=beside, raw=(own, difference))

    return _column(rows, cell, "body params", "(Δ)", ("body_parameters", "body_parameters_difference"))


def _macs(rows: Sequence[DetectionRow], unit: tuple[str, float]) -> TableColumn:
    name, size = unit

    def cell(row: DetectionRow) -> Cell:
        own, base = row.counts.body_macs, row.baseline_counts
        difference = None if base is None else own - base.body_macs
        beside = "" if row.is_baseline or difference is None else f"({signed_number(difference / size)})"
        return Cell(text=f"{own / size:,.2f}", beside=beside, raw=(own, difference))

    return _column(rows, cell, name, "(Δ)", ("body_macs", "body_macs_difference"))


def _speed(rows: Sequence[DetectionRow]) -> TableColumn:
    def cell(row: DetectionRow) -> Cell:
        ratio = row.throughput_ratio
        return Cell(
            text=f"{ratio.median:.2f}",
            beside=f"({ratio.lower_quartile:.2f}–{ratio.upper_quartile:.2f})",
            raw=(row.images_per_s, ratio.median, ratio.lower_quartile, ratio.upper_quartile),
        )

    quartiles = ("throughput_ratio_lower_quartile", "throughput_ratio_upper_quartile")
    return _column(rows, cell, "images/s", "× baseline", ("images_per_s", "throughput_ratio", *quartiles))


def _other_parts(rows: Sequence[DetectionRow]) -> TableColumn:
    """What is counted besides the body, and over how many seeds the row is."""
    parts = ("parameters", "pyramid_macs", "dense_macs", "region_macs", "num_regions")

    def cell(row: DetectionRow) -> Cell:
        return Cell(raw=(*(getattr(row.counts, part) for part in parts), len(row.seeds)))

    return _column(rows, cell, "", "", (*parts, "num_seeds"))
