"""The sentences around a comparison: what is compared, and what it does and does not tell."""

from collections.abc import Iterator

from attnbench.report.efficiency.comparison import ComparedRow, Comparison, ComparisonTable
from attnbench.report.efficiency.comparison_match import RecordGroup, RowKey
from attnbench.report.efficiency.notes import OTHER_LOAD
from attnbench.report.numbers import listed, plural, signed_count, signed_number
from attnbench.stats import UnpairedRatio

_STORES = ("A", "B")


def comparison_heading(table: ComparisonTable) -> str:
    """What the rows of a table share."""
    setup = table.setup
    return (
        f"{setup.backbone} at {'×'.join(map(str, setup.image_shape))}, {setup.num_classes:,} classes, "
        f"{setup.precision}, {setup.mode}, {setup.layout}"
    )


def comparison_conditions(table: ComparisonTable) -> list[str]:
    """What differs between the environments, one line each."""
    if not (table.rows or table.counted):
        return ["A and B share this setup, and no row of it."]
    if not table.differences:
        return [
            "A and B name the same device, processor, threads, versions and revision: they differ by what changes from "
            "one measurement to the next, or by what records do not name."
        ]
    lines = [
        f"  {difference.name}: {' and '.join(difference.values[0])} in A, {' and '.join(difference.values[1])} in B"
        for difference in table.differences
    ]
    return ["What differs between A and B:", *lines]


def comparison_remarks(table: ComparisonTable) -> list[str]:
    """What is to be known of one table, one paragraph a string; first what went wrong."""
    paragraphs = [*_failures(table), *_missing(table), *_edited(table), *_changes(table), *_relative(table)]
    return [*paragraphs, *_sessions(table), *_baselines(table), *_load(table)]


def comparison_conclusions(comparison: Comparison) -> list[str]:
    """What is to be known of all tables, one paragraph a string."""
    paragraphs = [*_unmatched(comparison)]
    num_rows = sum(len(table.rows) for table in comparison.tables)
    if num_rows:
        num_intervals = num_rows + sum(row.relative is not None for table in comparison.tables for row in table.rows)
        paragraphs += [
            "B / A is the ratio of the median times, above 1 where B is slower. (B/base) / (A/base) is the same of "
            "the rounds' ratios to the baseline: how the price of a row beside its baseline has changed. The speed of "
            "a machine cancels in it, as far as it meets all rows alike.",
            "In brackets are 95 % intervals (block bootstrap of each store's rounds by themselves), each for one "
            f"number: they are not corrected for how many there are, which is {num_intervals}.",
            "The intervals know only the rounds of one measurement each. Measurements of one machine differ by more "
            "than that from one session to the next: measure A a second time and compare the two to see by how much. "
            "A change that is smaller says nothing.",
        ]
    return paragraphs


def _failures(table: ComparisonTable) -> Iterator[str]:
    for store, records in zip(_STORES, table.failed, strict=True):
        for record in records:
            for stage, text in record.errors.items():
                yield f"In {store} {record.spec.attention} failed in {stage}: {' '.join(text.split())}"


def _missing(table: ComparisonTable) -> Iterator[str]:
    for index, (store, keys) in enumerate(zip(_STORES, table.only, strict=True)):
        others = table.groups[1 - index].variants
        parts: dict[str, list[str]] = {}
        for key in keys:
            parts.setdefault(key.variant, []).append(_stage(key))
        names = [name if name not in others else f"{name} ({', '.join(stages)})" for name, stages in parts.items()]
        if names:
            yield f"Only {store} has: {listed(names)}."


def _stage(key: RowKey) -> str:
    return "counts" if key.phase is None else f"{key.phase} at batch {key.batch_size}"


def _edited(table: ComparisonTable) -> Iterator[str]:
    if table.edited:
        yield f"The user's file is not the same in A and in B for: {listed(list(table.edited))}."


def _changes(table: ComparisonTable) -> Iterator[str]:
    for change in table.changes:
        a, b = change.values
        added = f" ({signed_count(b - a)})" if a is not None and b is not None else ""
        yield f"Changed for {change.variant}: {change.name}, {_count(a)} in A and {_count(b)} in B{added}."
    if table.changes:
        yield "Versions that are equal count alike."
    elif table.counted:
        yield (
            f"All counts of {plural(len(table.counted), 'variant')} are equal: parameters, buffers, modules, "
            "operations in every convention, traffic and what is saved for the backward pass."
        )


def _count(value: int | None) -> str:
    return "not counted" if value is None else f"{value:,}"


def _relative(table: ComparisonTable) -> Iterator[str]:
    beside = [(row, row.relative) for row in table.rows if row.relative is not None]
    more = [_with_percent(row, ratio) for row, ratio in beside if ratio.low > 1]
    less = [_with_percent(row, ratio) for row, ratio in beside if ratio.high < 1]
    if more:
        yield f"Slower beside the baseline in B than in A, beyond the noise of the rounds: {listed(more)}."
    if less:
        yield f"Faster beside the baseline in B than in A, beyond the noise of the rounds: {listed(less)}."
    for phase in dict.fromkeys(row.phase for row, _ in beside):
        unclear = [row.variant for row, ratio in beside if row.phase == phase and ratio.contains(1)]
        if unclear:
            yield f"Not to be told apart from A beside the baseline, in {phase}: {listed(unclear)}."


def _with_percent(row: ComparedRow, ratio: UnpairedRatio) -> str:
    return f"{row.variant} in {row.phase} ({signed_number(100 * (ratio.ratio - 1))} %)"


def _sessions(table: ComparisonTable) -> Iterator[str]:
    for index, store in enumerate(_STORES):
        several = list(dict.fromkeys(row.variant for row in table.rows if row.num_sessions[index] > 1))
        if several:
            yield f"{store} timed in several sessions, of which the latest counts: {listed(several)}."


def _baselines(table: ComparisonTable) -> Iterator[str]:
    names = [{row.records[index].spec.baseline for row in table.rows} for index in (0, 1)]
    if names[0] != names[1]:
        a, b = (listed(sorted(side)) for side in names)
        yield f"The baseline is {a} in A and {b} in B, so that rows beside different baselines are not compared."
    alone = [
        f"{row.variant} in {row.phase}"
        for row in table.rows
        if row.relative is None and not row.is_baseline and len({record.spec.baseline for record in row.records}) == 1
    ]
    if alone:
        yield f"Without the baseline in the same rounds, so not compared beside it: {listed(alone)}."


def _load(table: ComparisonTable) -> Iterator[str]:
    for index, store in enumerate(_STORES):
        loads = {row.phase: row.timings[index].load for row in table.rows}
        busy = [
            f"{100 * load.other_share:.0f} % in {phase}"
            for phase, load in loads.items()
            if load.other_share is not None and load.other_share > OTHER_LOAD
        ]
        if busy:
            yield f"Of the processors of {store} other programs took {listed(busy)}."
        throttled = sorted({word for load in loads.values() for word in load.gpu_throttles})
        if throttled:
            yield f"The GPU of {store} was throttled: {listed(throttled)}."


def _unmatched(comparison: Comparison) -> Iterator[str]:
    if not comparison.tables:
        yield (
            "Nothing in A has a counterpart in B. Rows match by backbone, image, classes, precision, mode and layout, "
            "and then by variant, phase and measured batch size."
        )
    for store, groups in zip(_STORES, comparison.unmatched, strict=True):
        for group in groups:
            yield f"Only {store} has: {_group(group)}."


def _group(group: RecordGroup) -> str:
    setup = group.setup
    return (
        f"{setup.backbone} at {'×'.join(map(str, setup.image_shape))}, {setup.num_classes:,} classes, "
        f"{setup.precision}, {setup.mode}, {setup.layout} on {group.device} with {plural(group.threads, 'thread')}: "
        f"{listed(list(group.variants))}"
    )
