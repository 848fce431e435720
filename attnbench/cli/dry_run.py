"""A dry run as text: what `attnbench leaderboard --dry-run` prints."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from attnbench.prospect import DryRun, PlannedRun, VariantTime
from attnbench.report.machines import machine_line
from attnbench.report.numbers import byte_unit, duration, plural
from attnbench.report.text import shown

MOST_LISTED = 40
"""With more runs a table counts those of each variant instead of listing them."""
_STATES = ("recorded", "diverged", "missing")


def print_dry_run(planned: DryRun, console: Console) -> None:
    """Print the runs of a suite, the images, the time and the disk space."""
    ascii_only = console.options.ascii_only
    console.print(_listed(planned, ascii_only) if len(planned.runs) <= MOST_LISTED else _counted(planned, ascii_only))
    console.print()
    for line in _lines(planned):
        console.print(shown(line, ascii_only))


def _listed(planned: DryRun, ascii_only: bool) -> Table:
    table = _table("digest", *_headers(planned), "seed", "state")
    for run in planned.runs:
        table.add_row(run.digest, *_names(run, planned, ascii_only), str(run.seed), _state(run))
    return table


def _counted(planned: DryRun, ascii_only: bool) -> Table:
    states = [state for state in _STATES if state != "diverged" or any(run.has_diverged for run in planned.runs)]
    table = _table(*_headers(planned), *states)
    runs = Counter((run.detector, run.attention, _state(run)) for run in planned.runs)
    for run in {(run.detector, run.attention): run for run in planned.runs}.values():
        counts = [str(runs[run.detector, run.attention, state]) for state in states]
        table.add_row(*_names(run, planned, ascii_only), *counts)
    return table


def _state(run: PlannedRun) -> str:
    return "recorded" if run.is_recorded else "diverged" if run.has_diverged else "missing"


def _headers(planned: DryRun) -> list[str]:
    return ["detector", "variant"] if _has_detectors(planned) else ["variant"]


def _names(run: PlannedRun, planned: DryRun, ascii_only: bool) -> list[Text]:
    names = [run.detector, run.attention] if _has_detectors(planned) else [run.attention]
    return [shown(name, ascii_only) for name in names]


def _has_detectors(planned: DryRun) -> bool:
    return any(run.detector for run in planned.runs)


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        number = header in ("seed", *_STATES)
        table.add_column(header, justify="right" if number else "left", overflow="fold", no_wrap=header == "digest")
    return table


def _lines(planned: DryRun) -> list[str]:
    missing = len(planned.missing)
    lines = [f"{plural(len(planned.runs), 'run')}, of which {missing:,} would be trained; nothing was."]
    if missing:
        runs_of = Counter(run.epochs for run in planned.missing)
        epochs = " + ".join(f"{plural(number, 'epoch')} × {plural(runs, 'run')}" for number, runs in runs_of.items())
        epochs = f"({epochs})" if len(runs_of) > 1 else epochs
        lines.append(f"Images: {planned.num_train_images:,} training images × {epochs} = {planned.images_to_train:,}.")
        workers = "one run" if planned.num_workers == 1 else f"{planned.num_workers} runs"
        lines.append(f"Time: about {duration(planned.wall_s)}, {workers} at a time. A run of")
        lines += [f"  {_time(variant)}" for variant in planned.variants]
        lines += _memory(planned)
        if any(variant.num_steps for variant in planned.variants):
            uncompiled = " They were not compiled, as the runs would be." if planned.is_compiled else ""
            lines.append(
                "Timed steps are an estimate: they were timed with one run at a time, and leave out what a run does "
                f"once. Several runs at a time, or a busy machine, take longer.{uncompiled}"
            )
        for machine in planned.machines:
            lines.append(f"These records are of another machine: {machine_line(machine)}.")
    return [*lines, *_disk(planned)]


def _time(variant: VariantTime) -> str:
    if variant.num_records:
        source = f"the median of {plural(variant.num_records, 'record')}"
    else:
        source = f"from {plural(variant.num_steps, 'timed training step')}"
    name = f"{variant.attention} in {variant.detector}" if variant.detector else variant.attention
    return f"{name}: {duration(variant.run_s)}, {source}"


def _memory(planned: DryRun) -> list[str]:
    """What a run needs at least, from the steps that were timed."""
    peaks = [variant.peak_memory_bytes for variant in planned.variants if variant.peak_memory_bytes]
    if not peaks:
        return []
    whose = "on the GPU" if planned.memory_scope == "allocated by the step" else "of the process, libraries and all"
    several = (
        f"; {planned.num_workers} runs at a time need {planned.num_workers} times as much"
        if planned.num_workers > 1
        else ""
    )
    return [f"Memory of a run: up to {_size(max(peaks))} {whose}, in the timed steps{several}."]


def _disk(planned: DryRun) -> list[str]:
    # How much a detector finds, training alone tells.
    estimated = "at most" if _has_detectors(planned) else "estimated"
    source = "measured" if planned.num_measured_records else estimated
    return [
        f"Disk: {plural(len(planned.missing), 'record')} of {_size(planned.record_bytes)} ({source}), "
        f"{_size(len(planned.missing) * planned.record_bytes)} in all; {_size(planned.free_bytes)} are free.",
        f"Data sets made or downloaded before: {_size(planned.cached_bytes)} in {planned.cache_folder}.",
    ]


def _size(num_bytes: float) -> str:
    unit, size = byte_unit(num_bytes)
    return f"{num_bytes / size:,.0f} {unit}" if num_bytes >= 10 * size else f"{num_bytes / size:.1f} {unit}"
