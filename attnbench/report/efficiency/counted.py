"""The columns of what is counted: each number over its difference to the baseline's."""

from collections.abc import Callable
from dataclasses import dataclass

from attnbench.efficiency_record import CONVENTIONS, Convention, Counts
from attnbench.report.columns import Column
from attnbench.report.efficiency.table import EfficiencyRow, EfficiencyTable, saved_bytes_an_image, traffic_bytes
from attnbench.report.numbers import byte_unit, listed, macs_unit, signed_count, signed_number, signed_percent

_MARK = " *"


@dataclass(frozen=True)
class _Quantity:
    header: str
    value: Callable[[Counts], float | None]
    text: Callable[[float], str]
    difference: Callable[[float], str]
    difference_header: str = "Δ"
    is_partial: Callable[[Counts], bool] = lambda counts: False


def counted_columns(table: EfficiencyTable, *, with_percent: bool, with_buffers: bool) -> list[Column]:
    """The columns of a table; none where no row was counted.

    Args:
        table: The table.
        with_percent: Whether differences are given as parts of the baseline's number too.
        with_buffers: Whether elements of buffers have a column.
    """
    counted = [row.counts for row in table.rows if row.counts]
    if not counted:
        return []
    quantities = [_integer("params", lambda counts: counts.parameters)]
    if with_buffers:
        quantities.append(_integer("buffers", lambda counts: counts.buffers))
    quantities += _flops(max(count.total for counts in counted for count in counts.flops.values()))
    unit, size = byte_unit(max(map(traffic_bytes, counted)))
    quantities += [_bytes("traffic", unit, size, traffic_bytes), _bytes("saved", unit, size, saved_bytes_an_image)]
    differs = any(row.baseline_counts for row in table.rows)

    def header(quantity: _Quantity) -> str:
        differences = [quantity.difference_header, *(["Δ %"] if with_percent else [])]
        return "\n".join([quantity.header, *(differences if differs else [])])

    return [
        Column(
            header(quantity),
            tuple(_cell(row, quantity, with_percent=with_percent) for row in table.rows),
        )
        for quantity in quantities
    ]


def buffers_line(table: EfficiencyTable) -> str:
    """Elements of the rows' buffers in a sentence, where they have no column."""
    variants: dict[int, list[str]] = {}
    for row in table.rows:
        if row.counts:
            variants.setdefault(row.counts.buffers, []).append(row.variant)
    if len(variants) == 1:
        return f"Every row has {next(iter(variants)):,} elements of buffers."
    return f"Elements of buffers: {'; '.join(f'{number:,} in {listed(names)}' for number, names in variants.items())}."


def _integer(name: str, value: Callable[[Counts], int]) -> _Quantity:
    return _Quantity(name, value, "{:,}".format, lambda difference: signed_count(int(difference)))


def _flops(largest: int) -> list[_Quantity]:
    unit, size = macs_unit(largest)
    # Beside billions the differences would be zeros with a digit behind them.
    difference_header = "Δ" if size == 1e6 else "Δ M"

    def quantity(convention: Convention) -> _Quantity:
        return _Quantity(
            f"{unit.replace('MAC', 'FLOP')}\n{convention}",
            lambda counts: counts.flops[convention].total,
            lambda total: f"{total / size:,.3f}",
            lambda difference: signed_number(difference / 1e6),
            difference_header,
            lambda counts: bool(counts.flops[convention].uncounted_operators),
        )

    return [quantity(convention) for convention in CONVENTIONS]


def _bytes(name: str, unit: str, size: float, value: Callable[[Counts], float | None]) -> _Quantity:
    return _Quantity(
        f"{name}\n{unit}",
        value,
        lambda number: f"{number / size:,.1f}",
        lambda difference: signed_number(difference / size),
    )


def _cell(row: EfficiencyRow, quantity: _Quantity, *, with_percent: bool) -> str:
    value = quantity.value(row.counts) if row.counts else None
    if row.counts is None or value is None:
        return "–"
    lines = [quantity.text(value) + (_MARK if quantity.is_partial(row.counts) else "")]
    base = quantity.value(row.baseline_counts) if row.baseline_counts else None
    if base is not None:
        lines.append(quantity.difference(value - base))
        lines += [signed_percent(value - base, base)] if with_percent else []
    return "\n".join(lines)
