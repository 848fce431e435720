"""The sentences around an efficiency table: under what it was measured, and what is to be known of its rows."""

from collections import defaultdict
from collections.abc import Iterator
from math import isinf

from attnbench.efficiency_record import CONVENTIONS
from attnbench.efficiency_spec import PHASES, Phase
from attnbench.report.efficiency.table import EfficiencyTable, TimedCell
from attnbench.report.leaderboard.notes import backend_line, replaced_line
from attnbench.report.machines import machine_line, machine_of
from attnbench.report.numbers import duration, listed, plural

OTHER_LOAD = 0.05
"""Part of the machine's processor time from which other programs are named."""
STOLEN = 0.01
"""The same of other machines, which take the very processors that are timed."""
LOW_CLOCK = 0.9
"""Part of the GPU's largest clock below which its clock is named."""
LONGEST_ERROR = 300
"""Characters of an error's message that are shown."""

_LAYOUTS = {"nchw": "NCHW", "channels_last": "channels_last (NHWC)"}


def efficiency_heading(table: EfficiencyTable) -> str:
    """Backbone and image."""
    spec = table.first.spec
    return f"{spec.backbone} at {'×'.join(map(str, spec.image_shape))}, {spec.num_classes:,} classes"


def efficiency_conditions(table: EfficiencyTable) -> list[str]:
    """Under what a table was measured, one sentence a line."""
    record = table.first
    conditions = record.spec.conditions
    batch = f"Batch {conditions.batch_size}, " if record.spec.effort.phases else ""
    lines = [
        f"{batch}{conditions.mode}, {_LAYOUTS[conditions.layout]}; {record.started_at[:16].replace('T', ' ')} UTC.",
        f"{machine_line(machine_of(record.environment))}.",
    ]
    phases = [_phase_line(table, phase) for phase in table.phases]
    if phases:
        own = ", each in a process of its own" if record.spec.effort.isolate else ""
        lines.append(f"Rows were timed in turn{own}: {'; '.join(phases)}.")
    return lines


def efficiency_remarks(table: EfficiencyTable) -> list[str]:
    """What is to be known of the rows, one paragraph a string; first what went wrong."""
    paragraphs = [*_errors(table), *_problems(table), *_baseline(table), *_lowered(table)]
    paragraphs += [*_unmeasured(table), *_uncounted(table), *_differences(table), *_intervals(table)]
    paragraphs += [*_warm_up(table), *_load(table), *_stolen(table), *_gpu(table), *_replaced(table), *_backends(table)]
    return paragraphs


def _phase_line(table: EfficiencyTable, phase: Phase) -> str:
    timing = table.timing(phase)
    steps = f" of {timing.repeats:,} steps" if timing.repeats > 1 else ""
    ended = ", ended by the budget" if timing.stopped_by == "budget" else ""
    return f"{phase} {plural(len(timing.ms), 'round')}{steps} in {duration(timing.load.wall_s)}{ended}"


def _errors(table: EfficiencyTable) -> Iterator[str]:
    for row in table.rows:
        for stage, error in row.record.errors.items():
            text = " ".join(error.split())
            if len(text) > LONGEST_ERROR:
                text = f"{text[:LONGEST_ERROR]} … (the record has all of it)"
            yield f"{row.variant} failed in {stage}: {text}"


def _problems(table: EfficiencyTable) -> Iterator[str]:
    for row in table.rows:
        for problem in row.problems:
            yield f"Left out: {problem}."


def _baseline(table: EfficiencyTable) -> Iterator[str]:
    name, baseline = table.first.spec.baseline, table.baseline
    if baseline is None:
        yield f"The baseline {name} has no record here, so no differences are given."
        return
    if baseline.counts is None and any(row.counts for row in table.rows):
        yield f"The baseline {name} was not counted, so no differences of counts are given."
    untimed = [phase for phase in table.phases if phase not in baseline.cells]
    if untimed:
        yield f"The baseline {name} has no times of {listed([*untimed])}, so no ratios of that are given."


def _lowered(table: EfficiencyTable) -> Iterator[str]:
    asked = table.first.spec.conditions.batch_size
    for phase in table.phases:
        got = table.timing(phase).batch_size
        if phase != "latency" and got < asked:
            yield f"Memory ended at batch {asked} in {phase}, so all rows were timed at batch {got}."


def _unmeasured(table: EfficiencyTable) -> Iterator[str]:
    asked = table.first.spec.effort.phases
    left_out = [phase for phase in PHASES if phase not in asked]
    if left_out:
        yield f"Not timed: {listed([*left_out])}."
    failed = [phase for phase in asked if phase not in table.phases]
    if failed:
        yield f"No row has times of {listed([*failed])}."
    unsaved = [row.variant for row in table.rows if row.counts and row.counts.saved_bytes is None]
    if unsaved:
        yield f"Bytes saved for backward could not be counted where the pass fails: {listed(unsaved)}."


def _uncounted(table: EfficiencyTable) -> Iterator[str]:
    counted = {row.variant: row.counts for row in table.rows if row.counts}
    for convention in CONVENTIONS:
        rows_of: dict[str, list[str]] = defaultdict(list)
        for variant, counts in counted.items():
            for name in counts.flops[convention].uncounted_operators:
                rows_of[name.removeprefix("aten::")].append(variant)
        names_in: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for name in sorted(rows_of):
            names_in[tuple(rows_of[name])].append(name)
        if names_in:
            groups = [
                f"{', '.join(names)} in {'every row' if len(rows) == len(counted) else listed([*rows])}"
                for rows, names in sorted(names_in.items(), key=lambda item: (-len(item[0]), item[1]))
            ]
            yield f"* {convention} has no rule for, and leaves out: {'; '.join(groups)}."


def _differences(table: EfficiencyTable) -> Iterator[str]:
    baseline = table.first.spec.baseline
    for phase in table.phases:
        unclear = [
            name
            for name, cell in _compared(table, phase).items()
            if cell.ratio and not isinf(cell.ratio.high) and cell.ratio.contains(1.0)
        ]
        if unclear:
            yield f"In {phase} this measurement cannot tell apart from the baseline {baseline}: {listed(unclear)}."


def _intervals(table: EfficiencyTable) -> Iterator[str]:
    effort = table.first.spec.effort
    for phase in table.phases:
        timing, compared = table.timing(phase), _compared(table, phase)
        num_rounds = len(timing.ms)
        if any(cell.ratio and isinf(cell.ratio.high) for cell in compared.values()):
            yield f"{plural(num_rounds, 'round')} of {phase} cannot give an interval; six can."
        if timing.stopped_by != "budget":
            continue
        if phase == "latency":
            yield (
                f"The budget of {effort.budget_s:,g} s ended latency after {num_rounds:,} of "
                f"{effort.latency_samples:,} samples."
            )
            continue
        wide = [
            f"{name} (±{_percent(cell.ratio.relative_half_width)})"
            for name, cell in compared.items()
            if cell.ratio and effort.half_width <= cell.ratio.relative_half_width and not isinf(cell.ratio.high)
        ]
        if wide:
            yield (
                f"The budget of {effort.budget_s:,g} s ended {phase} before these intervals were as narrow as "
                f"asked for (±{_percent(effort.half_width)}): {listed(wide)}."
            )


def _compared(table: EfficiencyTable, phase: Phase) -> dict[str, TimedCell]:
    """The cells of a phase that have a ratio, by variant."""
    cells = {row.variant: row.cells[phase] for row in table.rows if phase in row.cells}
    return {name: cell for name, cell in cells.items() if cell.ratio is not None}


def _percent(part: float) -> str:
    return f"{100 * part:.2g} %" if part < 1 else f"{100 * part:,.0f} %"


def _warm_up(table: EfficiencyTable) -> Iterator[str]:
    unsteady = [phase for phase in table.phases if not table.timing(phase).is_steady]
    if unsteady:
        yield f"The warm-up of {listed([*unsteady])} ended before times were steady."
    for phase in table.phases if table.first.spec.conditions.mode != "eager" else ():
        first = {row.variant: row.cells[phase].timing.first_call_s for row in table.rows if phase in row.cells}
        slowest = max(first, key=first.__getitem__)
        yield f"The first step of {phase}, which compiles, took at most {duration(first[slowest])} ({slowest})."


def _load(table: EfficiencyTable) -> Iterator[str]:
    loads = {phase: table.timing(phase).load for phase in table.phases}
    busy = [
        f"{load.other_processors:.1f} during {phase}"
        for phase, load in loads.items()
        if load.other_processors and load.other_share is not None and load.other_share > OTHER_LOAD
    ]
    if busy:
        processors = plural(max(load.num_processors for load in loads.values()), "processor")
        yield (
            f"Of {processors}, other programs kept busy: {listed(busy)}. Ratios suffer less than milliseconds; with "
            "fewer --threads than processors both suffer less."
        )
    silent = [phase for phase, load in loads.items() if load.other_share is None]
    if silent:
        yield f"What else ran on the machine during {listed([*silent])} is not known: this system does not tell."


def _stolen(table: EfficiencyTable) -> Iterator[str]:
    loads = {phase: table.timing(phase).load for phase in table.phases}
    stolen = [
        f"{load.stolen_processors:.2f} during {phase}"
        for phase, load in loads.items()
        if load.stolen_processors and load.stolen_processors > STOLEN * load.num_processors
    ]
    if stolen:
        yield f"The hypervisor gave processors to other machines meanwhile: {listed(stolen)}."


def _gpu(table: EfficiencyTable) -> Iterator[str]:
    for phase in table.phases:
        load = table.timing(phase).load
        if load.gpu_throttles:
            yield f"The GPU was throttled at the end of {phase}: {listed([*load.gpu_throttles])}."
        clock, most = load.gpu_clock_mhz, load.gpu_max_clock_mhz
        if clock is not None and most and clock < LOW_CLOCK * most:
            yield f"The GPU ran at {clock:,} MHz at the end of {phase}, of {most:,} that it could."


def _replaced(table: EfficiencyTable) -> Iterator[str]:
    line = replaced_line({row.variant: row.counts.num_replaced for row in table.rows if row.counts})
    if line:
        yield line


def _backends(table: EfficiencyTable) -> Iterator[str]:
    line = backend_line({row.variant: row.counts.attention_backend for row in table.rows if row.counts})
    if line:
        yield line
