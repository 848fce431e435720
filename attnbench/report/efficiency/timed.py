"""The columns of what is timed: milliseconds, ratios to the baseline, memory, and what traffic explains."""

from math import isinf

from attnbench.efficiency_spec import Phase
from attnbench.report.columns import Column
from attnbench.report.efficiency.table import EfficiencyRow, EfficiencyTable, TimedCell
from attnbench.report.numbers import byte_unit, four_digits, signed_number

_MISSING = "–"
_SHOWN_OPERATORS = 3
"""Operators of the added traffic that are named; the others are added up."""


def timed_groups(table: EfficiencyTable) -> list[list[Column]]:
    """Groups of columns that belong beside each other; none where nothing was timed."""
    groups = [_latency(table) if phase == "latency" else _steps(table, phase) for phase in table.phases]
    groups += [_peaks(table), _first_steps(table)]
    phase = explained_phase(table)
    if phase is not None:
        groups += [_added(table, phase), [_operators(table, phase)]]
    return [group for group in groups if group]


def explained_phase(table: EfficiencyTable) -> Phase | None:
    """The phase in whose milliseconds the added traffic is given: one that runs the counted forward pass."""
    phases = [phase for phase in table.phases if any(row.floor_ms(phase) is not None for row in table.rows)]
    return phases[0] if phases else None


def _steps(table: EfficiencyTable, phase: Phase) -> list[Column]:
    cells = [row.cells.get(phase) for row in table.rows]
    columns = [Column(f"{phase}\nms\nquartiles", tuple(map(_median, cells))), _ratios(table, phase)]
    if phase == "inference":
        speeds = (four_digits(cell.images_per_s) if cell else _MISSING for cell in cells)
        columns.append(Column("images/s", tuple(speeds)))
    return columns


def _latency(table: EfficiencyTable) -> list[Column]:
    cells = (row.cells.get("latency") for row in table.rows)
    texts = (" / ".join(map(_number, cell.percentiles_ms.values())) if cell else _MISSING for cell in cells)
    return [Column("latency ms\np50 / p95 / p99", tuple(texts)), _ratios(table, "latency")]


def _ratios(table: EfficiencyTable, phase: Phase) -> Column:
    return Column("× baseline\n95 %", tuple(_ratio(row, row.cells.get(phase)) for row in table.rows))


def _ratio(row: EfficiencyRow, cell: TimedCell | None) -> str:
    if cell is None or cell.ratio is None:
        return "1" if cell and row.is_baseline else _MISSING
    ends = (
        _MISSING if isinf(cell.ratio.high) else f"{_three_decimals(cell.ratio.low)}–{_three_decimals(cell.ratio.high)}"
    )
    return f"{_three_decimals(cell.ratio.median)}\n{ends}"


def _three_decimals(ratio: float) -> str:
    return f"{ratio:,.3f}"


def _median(cell: TimedCell | None) -> str:
    if cell is None:
        return _MISSING
    return f"{four_digits(cell.median_ms)}\n{four_digits(cell.lower_quartile_ms)}–{four_digits(cell.upper_quartile_ms)}"


def _peaks(table: EfficiencyTable) -> list[Column]:
    # A single image's peak says little beside a batch's.
    phases = tuple(phase for phase in table.phases if phase != "latency") or table.phases
    peaks = {phase: [_peak_bytes(row, phase) for row in table.rows] for phase in phases}
    largest = max((peak for column in peaks.values() for peak in column if peak is not None), default=None)
    if largest is None:
        return []
    unit, size = byte_unit(largest)
    return [
        Column(f"peak {unit}\n{phase}", tuple(_MISSING if peak is None else f"{peak / size:,.1f}" for peak in column))
        for phase, column in peaks.items()
    ]


def _first_steps(table: EfficiencyTable) -> list[Column]:
    """Seconds of the first steps, where they compile."""
    if table.first.spec.conditions.mode == "eager":
        return []
    return [
        Column(f"first step s\n{phase}", tuple(_first_s(row.cells.get(phase)) for row in table.rows))
        for phase in table.phases
    ]


def _first_s(cell: TimedCell | None) -> str:
    return _MISSING if cell is None else f"{cell.timing.first_call_s:,.1f}"


def _peak_bytes(row: EfficiencyRow, phase: Phase) -> int | None:
    return row.cells[phase].timing.peak_memory_bytes if phase in row.cells else None


def _added(table: EfficiencyTable, phase: Phase) -> list[Column]:
    measured, floors = [], []
    for row in table.rows:
        cell, floor = row.cells.get(phase), row.floor_ms(phase)
        added = cell.added_ms if cell else None
        measured.append("" if row.is_baseline else _MISSING if added is None else _added_ms(*added))
        floors.append("" if row.is_baseline else _MISSING if floor is None else signed_number(floor))
    return [
        Column(f"added ms\n{phase}\n95 %", tuple(measured)),
        Column("added ms\nfloor", tuple(floors)),
    ]


def _added_ms(low: float, median: float, high: float) -> str:
    ends = _MISSING if isinf(high) else f"{signed_number(low)} to {signed_number(high)}"
    return f"{signed_number(median)}\n{ends}"


def _operators(table: EfficiencyTable, phase: Phase) -> Column:
    images = table.timing(phase).batch_size
    added = [{} if row.is_baseline else row.added_bytes() or {} for row in table.rows]
    unit, size = byte_unit(max((abs(moved) * images for moves in added for moved in moves.values()), default=0))
    texts = (_moves({name: moved * images / size for name, moved in moves.items()}) for moves in added)
    return Column(f"added traffic of a step\nby operator, {unit}", tuple(texts), is_prose=True)


def _moves(added: dict[str, float]) -> str:
    named = [f"{name.removeprefix('aten::')} {signed_number(moved)}" for name, moved in added.items()]
    if len(named) > _SHOWN_OPERATORS + 1:
        rest = sum(list(added.values())[_SHOWN_OPERATORS:])
        named[_SHOWN_OPERATORS:] = [f"{len(named) - _SHOWN_OPERATORS} others {signed_number(rest)}"]
    return ", ".join(named)


def _number(ms: float | None) -> str:
    return _MISSING if ms is None else four_digits(ms)
