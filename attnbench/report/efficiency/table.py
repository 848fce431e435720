"""Records of rows to efficiency tables: one table for each session, raw numbers, nothing rounded."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal, TypeAlias, get_args

import numpy as np

from attnbench.efficiency_record import Convention, Counts, EfficiencyRecord, PhaseTiming
from attnbench.efficiency_spec import PHASES, Phase
from attnbench.errors import RecordError, SpecError
from attnbench.stats import RatioInterval, paired_ratio_interval

RankBy: TypeAlias = Literal["full", "fvcore", "published", "params", "traffic", "inference", "training", "latency"]
"""What rows are ordered by, the cheapest first."""

_FEWEST_SAMPLES = {50: 1, 95: 20, 99: 100}
"""A percentile of fewer samples is the largest of them, or a guess."""


@dataclass(frozen=True, kw_only=True)
class TimedCell:
    """One row's part of one phase."""

    timing: PhaseTiming
    """The raw samples."""
    median_ms: float
    """Median of a step."""
    lower_quartile_ms: float
    """A quarter of the steps are faster."""
    upper_quartile_ms: float
    """A quarter of the steps are slower."""
    percentiles_ms: dict[int, float | None]
    """The 50th, 95th and 99th; none where there are too few samples for one."""
    ratio: RatioInterval | None
    """Time over the baseline's in the same round, above 1 where the row is slower; none for the baseline itself, and
    where it has no samples of the same rounds."""
    baseline_ms: float | None
    """Median of the baseline's step, where there is a ratio."""

    @property
    def images_per_s(self) -> float:
        """Images a second, from the median."""
        return 1e3 * self.timing.batch_size / self.median_ms

    @property
    def added_ms(self) -> tuple[float, float, float] | None:
        """Low end, median and high end of the milliseconds that the row adds to the baseline's step, by the ratio."""
        if self.ratio is None or self.baseline_ms is None:
            return None
        low, median, high = self.ratio.low - 1, self.ratio.median - 1, self.ratio.high - 1
        return low * self.baseline_ms, median * self.baseline_ms, high * self.baseline_ms


@dataclass(frozen=True, kw_only=True)
class EfficiencyRow:
    """One variant. Differences are to the baseline, none for itself and where either was not counted."""

    record: EfficiencyRecord
    """Where the numbers come from."""
    is_baseline: bool
    """Whether the others are compared with this one."""
    cells: dict[Phase, TimedCell]
    """The phases that the row ran to the end."""
    problems: tuple[str, ...]
    """A sentence for each phase whose samples are damaged, or not of the baseline's rounds."""
    baseline_counts: Counts | None
    """What was counted of the baseline; none for the baseline itself."""

    @property
    def variant(self) -> str:
        """The variant as in the spec."""
        return self.record.spec.attention

    @property
    def counts(self) -> Counts | None:
        """What was counted; none where that failed."""
        return self.record.counts

    def added_flops(self, convention: Convention) -> int | None:
        """Operations of one image more than the baseline's."""
        if self.counts is None or self.baseline_counts is None:
            return None
        return self.counts.flops[convention].total - self.baseline_counts.flops[convention].total

    def added_bytes(self) -> dict[str, int] | None:
        """Activation bytes of one image more than the baseline's, by operator, the largest changes first."""
        if self.counts is None or self.baseline_counts is None:
            return None
        own, base = (
            {name: moved.activation_bytes for name, moved in counts.traffic.items()}
            for counts in (self.counts, self.baseline_counts)
        )
        added = {name: own.get(name, 0) - base.get(name, 0) for name in {**own, **base}}
        return {name: size for name, size in sorted(added.items(), key=lambda item: (-abs(item[1]), item[0])) if size}

    def floor_ms(self, phase: Phase) -> float | None:
        """Milliseconds that moving the added bytes of a step takes at least; of a forward pass, so not of training."""
        cell, added, bandwidth = self.cells.get(phase), self.added_bytes(), self.record.bandwidth_bytes_per_s
        if phase == "training" or cell is None or added is None or not bandwidth:
            return None
        return 1e3 * sum(added.values()) * cell.timing.batch_size / bandwidth


@dataclass(frozen=True, kw_only=True)
class EfficiencyTable:
    """The rows of one session, cheapest first; those with errors, or without what ranks, stand last."""

    rows: tuple[EfficiencyRow, ...]
    """The variants."""
    rank_by: RankBy
    """What they are ordered by."""

    @property
    def first(self) -> EfficiencyRecord:
        """A record that stands for what all rows have in common."""
        return self.rows[0].record

    @property
    def baseline(self) -> EfficiencyRow | None:
        """The baseline's row, if it has a record."""
        return next((row for row in self.rows if row.is_baseline), None)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The phases that any row ran to the end."""
        return tuple(phase for phase in PHASES if any(phase in row.cells for row in self.rows))

    def timing(self, phase: Phase) -> PhaseTiming:
        """What all rows share of a phase that is one of `phases`, in the baseline's timing or another row's."""
        cells = [row.cells[phase] for row in self.rows if phase in row.cells]
        if self.baseline is not None and phase in self.baseline.cells:
            cells.insert(0, self.baseline.cells[phase])
        return cells[0].timing


def efficiency_tables(records: Sequence[EfficiencyRecord], *, rank_by: RankBy = "full") -> list[EfficiencyTable]:
    """One table for each session, the oldest first.

    Args:
        records: Records in any order; one that occurs twice counts once.
        rank_by: What the rows are ordered by.

    Raises:
        SpecError: If there is no such order.
    """
    if rank_by not in get_args(RankBy):
        raise SpecError(f"rank_by must be one of {', '.join(get_args(RankBy))}; got {rank_by!r}")
    sessions: dict[tuple[str, str], list[EfficiencyRecord]] = defaultdict(list)
    for record in {record.digest: record for record in records}.values():
        sessions[record.started_at, record.session].append(record)
    return [_table(sessions[key], rank_by) for key in sorted(sessions)]


def traffic_bytes(counts: Counts) -> int:
    """Activation bytes that one image's forward pass reads and writes."""
    return sum(moved.activation_bytes for moved in counts.traffic.values())


def saved_bytes_an_image(counts: Counts) -> float | None:
    """Bytes that a forward pass in training mode keeps for the backward pass, an image."""
    return None if counts.saved_bytes is None else counts.saved_bytes / counts.saved_batch_size


def _table(records: list[EfficiencyRecord], rank_by: RankBy) -> EfficiencyTable:
    reference = next((record for record in records if record.spec.attention == record.spec.baseline), None)
    baseline = _row(reference, None, is_baseline=True) if reference else None
    rows = [_row(record, baseline) for record in records if record is not reference]
    rows += [baseline] if baseline else []
    is_paired = baseline is not None and rank_by in baseline.cells

    def place(row: EfficiencyRow) -> tuple[bool, bool, float, str]:
        cost = _cost(row, rank_by, is_paired=is_paired)
        return bool(row.record.errors), cost is None, cost or 0.0, row.variant

    return EfficiencyTable(rows=tuple(sorted(rows, key=place)), rank_by=rank_by)


def _cost(row: EfficiencyRow, rank_by: RankBy, *, is_paired: bool) -> float | None:
    """What a row is ranked by; of a phase its ratio, from which the machine's drift has gone, or else its time."""
    if rank_by == "inference" or rank_by == "training" or rank_by == "latency":
        cell = row.cells.get(rank_by)
        if cell is None:
            return None
        if not is_paired:
            return cell.median_ms
        return cell.ratio.median if cell.ratio else 1.0 if row.is_baseline else None
    if row.counts is None:
        return None
    if rank_by == "params":
        return row.counts.parameters
    return traffic_bytes(row.counts) if rank_by == "traffic" else row.counts.flops[rank_by].total


def _row(record: EfficiencyRecord, baseline: EfficiencyRow | None, *, is_baseline: bool = False) -> EfficiencyRow:
    cells, problems = dict[Phase, TimedCell](), list[str]()
    for timing in record.timings:
        try:
            cells[timing.phase] = cell = _cell(record, timing)
            if baseline is not None and timing.phase in baseline.cells:
                cells[timing.phase] = _paired(record, cell, baseline.cells[timing.phase])
        except RecordError as error:
            problems.append(str(error))
    return EfficiencyRow(
        record=record,
        is_baseline=is_baseline,
        cells=cells,
        problems=tuple(problems),
        baseline_counts=baseline.counts if baseline else None,
    )


def _cell(record: EfficiencyRecord, timing: PhaseTiming) -> TimedCell:
    if not timing.ms or not all(0 < ms < inf for ms in timing.ms):
        wrong = next((repr(ms) for ms in timing.ms if not 0 < ms < inf), "none")
        raise RecordError(
            f"record {record.digest} ({record.spec.attention}) must hold positive, finite milliseconds of "
            f"{timing.phase}; got {wrong}"
        )
    lower, median, upper = map(float, np.percentile(timing.ms, [25, 50, 75]))
    return TimedCell(
        timing=timing,
        median_ms=median,
        lower_quartile_ms=lower,
        upper_quartile_ms=upper,
        percentiles_ms={
            percent: float(np.percentile(timing.ms, percent)) if len(timing.ms) >= fewest else None
            for percent, fewest in _FEWEST_SAMPLES.items()
        },
        ratio=None,
        baseline_ms=None,
    )


def _paired(record: EfficiencyRecord, cell: TimedCell, baseline: TimedCell) -> TimedCell:
    """The cell with its ratio to the baseline's."""
    own, base = cell.timing, baseline.timing
    if (len(own.ms), own.batch_size) != (len(base.ms), base.batch_size):
        raise RecordError(
            f"record {record.digest} ({record.spec.attention}) must share the baseline's rounds of {own.phase}; "
            f"got {len(own.ms)} at batch {own.batch_size} beside {len(base.ms)} at batch {base.batch_size}"
        )
    return replace(cell, ratio=paired_ratio_interval(own.ms, base.ms), baseline_ms=baseline.median_ms)
