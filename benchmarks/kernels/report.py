"""What `benchmarks/kernels` prints of its measurements."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from attnbench.report.numbers import plural
from benchmarks.kernels.targets import Target, Timed, judged

PACKAGES = ("torch", "timm", "numpy")
BASELINES: Mapping[str, str] = {"sge": "authors", "bam": "eager", "network": "plain"}
"""What the others are divided by; of all other modules timm's."""


def line(rows: list[Timed]) -> str:
    """A comparison in one line."""
    first = rows[0]
    where = f"{first.what} {f'stage {first.stage} {first.layout} ' if first.stage else ''}{first.phase}"
    return f"{where}: " + ", ".join(f"{row.row} {row.ms:.2f} ms ({row.speed:.2f}×)" for row in rows)


def show(settings: dict[str, Any], timed: list[Timed], console: Console) -> None:
    """Print heading, tables and targets."""
    console.print(heading(settings), highlight=False)
    names = list(dict.fromkeys(row.what for row in timed))
    for name in names:
        console.print(f"{'ResNet-50 with SGE' if name == 'network' else name}, speed over {baseline_words(name)}")
        console.print(table([row for row in timed if row.what == name]))
        console.print()
    console.print("Bytes that SGE keeps for its backward pass, over those of its map\n" + kept_words(settings["kept"]))
    console.print("\nTargets; one that needs a GPU, or a CPU, could not be tried here")
    console.print(targets_table(judged(settings, timed)))


def baseline_words(name: str) -> str:
    """What the speeds in a table are divided by."""
    return {"authors": "the authors' code", "plain": "the plain network", "eager": "the eager form"}.get(
        BASELINES.get(name, "timm"), "timm's"
    )


def heading(settings: dict[str, Any]) -> str:
    """What was measured, where, and how to measure it again."""
    environment = settings["environment"]
    versions = [f"Python {environment['python']}", *(f"{name} {environment['packages'][name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment['attnbench']} ({environment['git_revision'] or 'installed'})")
    machine = [environment["platform"], environment["processor"], environment["device"]]
    machine.append(plural(environment["threads"], "thread"))
    others = settings.get("other_processors")
    busy = "" if others is None else f" Other programs used {others:.2f} processors meanwhile."
    return (
        "Attention beside the speed of memory\n\n"
        f"{settings['command']}\n{', '.join([*machine, *versions])}\n\n"
        f"Maps of {settings['batch_size']} images in {settings['dtype']}; a large copy moves "
        f"{settings['bandwidth_bytes_per_s'] / 1e9:.1f} GB/s.{busy}\n"
        "In brackets 95 % intervals. bandwidth: the bytes of 2 passes over the map (forward), 3 (backward) or 5\n"
        "(training), over the time, over what that copy moves; a map that fits into a cache moves faster than that.\n"
    )


def table(rows: list[Timed]) -> Table:
    """One row a form, stage, layout and phase."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("stage", "layout", "phase", "form"):
        made.add_column(name)
    for name in ("ms", "speed", "", "bandwidth"):
        made.add_column(name, justify="right")
    before = None
    for row in rows:
        place = (str(row.stage or "all"), row.layout, row.phase)
        interval = f"[{row.low:.2f} … {row.high:.2f}]" if math.isfinite(row.high) else "[too few rounds]"
        share = "" if row.bandwidth_share is None else f"{100 * row.bandwidth_share:.0f} %"
        made.add_row(
            *(place if place != before else ("", "", "")), row.row, f"{row.ms:.2f}", f"{row.speed:.2f}",
            interval.replace("[", r"\["), share,
        )  # fmt: skip
        before = place
    return made


def kept_words(kept: dict[str, dict[str, float]]) -> str:
    """Kept bytes, a line a form."""
    return "\n".join(
        f"  {row}: " + ", ".join(f"stage {stage} {share:.2f}" for stage, share in stages.items())
        for row, stages in kept.items()
    )


def targets_table(targets: list[Target]) -> Table:
    """What was to be reached, what was, and whether that is enough."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("asked", "measured", "", "target"):
        made.add_column(name, overflow="fold")
    for target in targets:
        made.add_row(target.asked, target.measured, target.verdict, target.what)
    return made
