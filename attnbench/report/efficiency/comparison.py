"""Two stores of efficiency records, row by row: two machines, or two versions of what was measured.

A is what B is compared with. The ratio B / A of a row's times has the speed of both machines in it. The ratio
of what the row costs beside the baseline of its own session has not, as far as a machine slows all rows alike:

    (B / baseline in B) / (A / baseline in A)

Numbers are raw, nothing is rounded.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from attnbench.efficiency_record import CONVENTIONS, Counts, EfficiencyRecord, PhaseTiming
from attnbench.efficiency_spec import PHASES, Phase
from attnbench.report.efficiency.comparison_match import RecordGroup, RowKey, Setup, keys_of, match_groups
from attnbench.stats import UnpairedRatio, unpaired_ratio_interval


@dataclass(frozen=True, kw_only=True)
class ComparedRow:
    """One phase of one variant. In every pair A's stands first."""

    variant: str
    """Variant as in the spec."""
    phase: Phase
    """What was timed."""
    batch_size: int
    """Images of a step, as measured."""
    is_baseline: bool
    """Whether it is what the other rows are compared with, in both stores."""
    records: tuple[EfficiencyRecord, EfficiencyRecord]
    """Where the numbers come from."""
    timings: tuple[PhaseTiming, PhaseTiming]
    """The raw samples."""
    median_ms: tuple[float, float]
    """Median of a step."""
    ratio: UnpairedRatio
    """B's median over A's, above 1 where B is slower."""
    relative: UnpairedRatio | None
    """The same of the rounds' ratios to the baseline; none for the baseline itself, and where the stores have no
    samples of one baseline in the same rounds."""
    num_sessions: tuple[int, int]
    """Sessions that timed this row; the latest counts."""


@dataclass(frozen=True, kw_only=True)
class CountChange:
    """Something counted of a variant that is not the same in A and in B."""

    variant: str
    """Variant as in the spec."""
    name: str
    """What was counted, in words."""
    values: tuple[int | None, int | None]
    """In A and in B; none where it could not be counted."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something of the environment that is not the same in A and in B."""

    name: str
    """What differs, in words."""
    values: tuple[tuple[str, ...], tuple[str, ...]]
    """Every value in A and in B, sorted."""


@dataclass(frozen=True, kw_only=True)
class ComparisonTable:
    """The rows of one setup, each store's of one device and number of threads. In every pair A's stands first."""

    setup: Setup
    """What the rows share."""
    groups: tuple[RecordGroup, RecordGroup]
    """The records."""
    rows: tuple[ComparedRow, ...]
    """What both timed, by phase, batch size and variant, the baseline first."""
    counted: tuple[str, ...]
    """Variants that both counted, sorted."""
    changes: tuple[CountChange, ...]
    """Counts that differ."""
    edited: tuple[str, ...]
    """Variants of a user's file whose content differs, sorted."""
    differences: tuple[Difference, ...]
    """What differs between the environments."""
    only: tuple[tuple[RowKey, ...], tuple[RowKey, ...]]
    """What only A has, and what only B has."""
    failed: tuple[tuple[EfficiencyRecord, ...], tuple[EfficiencyRecord, ...]]
    """The latest record of each variant, where something stopped it."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two stores, row by row."""

    tables: tuple[ComparisonTable, ...]
    """One for each setup that both have; several where both have it on several devices or numbers of threads."""
    unmatched: tuple[tuple[RecordGroup, ...], tuple[RecordGroup, ...]]
    """What has no table: groups that only A has, and that only B has."""


def compare(records_a: Sequence[EfficiencyRecord], records_b: Sequence[EfficiencyRecord]) -> Comparison:
    """Compare two stores row by row.

    Rows match by backbone, variant, image, classes, phase, precision, mode, layout and measured batch size; by
    device and threads too where both stores have a setup on the same. Of several sessions of one row the latest
    counts.

    Args:
        records_a: What is compared with, in any order; a record that occurs twice counts once.
        records_b: What is compared, likewise.
    """
    pairs, (left_a, left_b) = match_groups(records_a, records_b)
    return Comparison(tables=tuple(_table(a, b) for a, b in pairs), unmatched=(tuple(left_a), tuple(left_b)))


def _table(a: RecordGroup, b: RecordGroup) -> ComparisonTable:
    keys_a, keys_b = keys_of(a), keys_of(b)
    shared = sorted(keys_a.keys() & keys_b.keys())
    rows = [_row(key, (a, b), (keys_a[key], keys_b[key])) for key in shared if key.phase is not None]
    counted = {key.variant: (keys_a[key][-1], keys_b[key][-1]) for key in shared if key.phase is None}
    used = [*(row.records for row in rows), *counted.values()]
    return ComparisonTable(
        setup=a.setup,
        groups=(a, b),
        rows=tuple(sorted(rows, key=lambda row: (PHASES.index(row.phase), row.batch_size, not row.is_baseline))),
        counted=tuple(counted),
        changes=tuple(change for variant, pair in counted.items() for change in _changes(variant, pair)),
        edited=tuple(sorted({one.spec.attention for one, other in used if _content(one) != _content(other)})),
        differences=tuple(_differences(used)) if used else (),
        only=(tuple(sorted(keys_a.keys() - keys_b.keys())), tuple(sorted(keys_b.keys() - keys_a.keys()))),
        failed=(_failed(a), _failed(b)),
    )


def _row(
    key: RowKey,
    groups: tuple[RecordGroup, RecordGroup],
    candidates: tuple[Sequence[EfficiencyRecord], Sequence[EfficiencyRecord]],
) -> ComparedRow:
    phase = key.phase
    assert phase is not None, "counts are no row"
    a, b = candidates[0][-1], candidates[1][-1]
    timing_a, timing_b = _timing(a, phase), _timing(b, phase)
    relative = None
    if a.spec.baseline == b.spec.baseline != key.variant:
        ratios_a, ratios_b = (_ratios(group, one, phase) for group, one in zip(groups, (a, b), strict=True))
        relative = unpaired_ratio_interval(ratios_b, ratios_a) if ratios_a and ratios_b else None
    return ComparedRow(
        variant=key.variant,
        phase=phase,
        batch_size=key.batch_size,
        is_baseline=a.spec.baseline == b.spec.baseline == key.variant,
        records=(a, b),
        timings=(timing_a, timing_b),
        median_ms=(float(np.median(timing_a.ms)), float(np.median(timing_b.ms))),
        ratio=unpaired_ratio_interval(timing_b.ms, timing_a.ms),
        relative=relative,
        num_sessions=(len(candidates[0]), len(candidates[1])),
    )


def _timing(record: EfficiencyRecord, phase: Phase) -> PhaseTiming:
    timing = record.timing(phase)
    assert timing is not None, "a row's records have its phase"
    return timing


def _ratios(group: RecordGroup, record: EfficiencyRecord, phase: Phase) -> list[float] | None:
    """The rounds' ratios to the baseline; none where it has no samples of the same rounds."""
    baseline = group.baseline_of(record)
    own, base = _timing(record, phase), baseline.timing(phase) if baseline else None
    if base is None or (len(base.ms), base.batch_size) != (len(own.ms), own.batch_size):
        return None
    return [ms / base_ms for ms, base_ms in zip(own.ms, base.ms, strict=True)]


def _content(record: EfficiencyRecord) -> str | None:
    return record.spec.plugin.sha256 if record.spec.plugin else None


def _changes(variant: str, pair: tuple[EfficiencyRecord, EfficiencyRecord]) -> Iterator[CountChange]:
    a, b = (_counted(record.counts) for record in pair if record.counts is not None)
    for name in a:
        if name in b and a[name] != b[name]:
            yield CountChange(variant=variant, name=name, values=(a[name], b[name]))


def _counted(counts: Counts) -> dict[str, int | None]:
    moved = counts.traffic.values()
    return {
        "parameters": counts.parameters,
        "elements of buffers": counts.buffers,
        "attention modules": counts.num_attention_modules,
        "replaced attention modules": counts.num_replaced,
        **{f"operations ({convention})": counts.flops[convention].total for convention in CONVENTIONS},
        "bytes of activations moved": sum(operator.activation_bytes for operator in moved),
        "bytes of parameters moved": sum(operator.parameter_bytes for operator in moved),
        f"bytes saved for backward at batch {counts.saved_batch_size}": counts.saved_bytes,
    }


def _differences(pairs: Sequence[tuple[EfficiencyRecord, EfficiencyRecord]]) -> Iterator[Difference]:
    a, b = ([_environment(record) for record in records] for records in zip(*pairs, strict=True))
    for name in dict.fromkeys(name for known in (*a, *b) for name in known):
        values_a, values_b = ({known.get(name, "none") for known in side} for side in (a, b))
        if values_a != values_b:
            yield Difference(name=name, values=(tuple(sorted(values_a)), tuple(sorted(values_b))))


def _environment(record: EfficiencyRecord) -> dict[str, str]:
    environment = record.environment
    revision = f" ({environment.git_revision})" if environment.git_revision else ""
    packages = {"torch": "unknown"} | environment.packages
    return {
        "device": environment.device,
        "processor": environment.processor,
        "threads": str(environment.threads),
        "platform": environment.platform,
        "attnbench": environment.attnbench + revision,
        "Python": environment.python,
        "torch": packages.pop("torch"),
        **dict(sorted(packages.items())),
        "a process for each row": "yes" if record.spec.effort.isolate else "no",
    }


def _failed(group: RecordGroup) -> tuple[EfficiencyRecord, ...]:
    return tuple(record for record in map(group.latest, group.variants) if record.errors)
