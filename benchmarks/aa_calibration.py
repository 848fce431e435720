"""How often the interval of a ratio is right: one model, entered twice under two names.

    python benchmarks/aa_calibration.py --output results

The true ratio of a model to itself is 1. In every trial two copies of one small model are timed
in turn as `attnbench efficiency` times its rows, while a second process keeps a processor busy on
and off at random. A 95 % interval should contain 1 in about 95 of 100 trials, and one that does so
in fewer than 90 claims more than it knows. A trial too slow for an interval counts as wrong. Trials
are written as they are made; a run that was ended goes on where it stopped.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import attnbench
from attnbench.environment import capture_environment
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.measure.steps import inference_step
from attnbench.measure.timing import time_interleaved
from attnbench.report.numbers import plural
from attnbench.spec import Compute
from attnbench.stats import paired_ratio_interval, proportion_interval

BACKBONE, IMAGES, SIZE = "cifar-resnet:depth=8,width=8", 8, 32
BUDGET_S, HALF_WIDTH, MIN_ROUNDS = 1.5, 0.01, 30
WANTED = 0.9
"""Smallest share of trials whose interval contains 1."""
CPU = torch.device("cpu")
PACKAGES = ("torch", "timm", "numpy")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Trial:
    """One measurement of the model beside itself."""

    seed: int
    median: float
    low: float
    high: float
    block_length: int
    rounds: int
    repeats: int
    stopped_by: str
    elapsed_s: float
    median_ms: float
    other_processors: float | None

    @property
    def contains_one(self) -> bool:
        """Whether the interval is right; one without ends says nothing, and is not."""
        return math.isfinite(self.high) and self.low <= 1 <= self.high


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and fail if too few intervals are right."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1, help="of the model")
    parser.add_argument("--undisturbed", action="store_true", help="without the second process")
    parser.add_argument("--output", type=Path, help="folder for aa-calibration.json and aa-calibration.txt")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    settings = settings_of(options)
    path = None if options.output is None else options.output / "aa-calibration.json"
    trials = earlier(path, settings)
    console = Console()
    for seed in range(len(trials), options.trials):
        trials.append(measure(seed, disturbed=not options.undisturbed))
        console.print(f"trial {seed + 1}: {line(trials[-1])}", highlight=False)
        if path is not None:
            write(path, settings, trials)
    show(settings, trials, console)
    if path is not None:
        with path.with_suffix(".txt").open("w", encoding="utf-8") as file:
            show(settings, trials, Console(file=file, width=100))
    return 0 if share(trials) >= WANTED else 1


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What decides a trial; trials of other settings are not taken together."""
    environment = capture_environment(Compute(device="cpu", precision="float32"))
    return {
        "backbone": BACKBONE,
        "images": IMAGES,
        "size": SIZE,
        "budget_s": BUDGET_S,
        "half_width": HALF_WIDTH,
        "min_rounds": MIN_ROUNDS,
        "disturbed": not options.undisturbed,
        "environment": asdict(environment),
    }


def earlier(path: Path | None, settings: dict[str, Any]) -> list[Trial]:
    """Trials that a run before this one wrote; ends the program if they are of other settings."""
    if path is None or not path.is_file():
        return []
    written = json.loads(path.read_text(encoding="utf-8"))
    if written["settings"] != settings:
        sys.exit(f"{path} holds trials of other settings or versions; move it away, or name another folder")
    return [Trial(**trial) for trial in written["trials"]]


def write(path: Path, settings: dict[str, Any], trials: list[Trial]) -> None:
    """Write all trials, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    written = {"settings": settings, "trials": [asdict(trial) for trial in trials]}
    partial.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)


def measure(seed: int, *, disturbed: bool) -> Trial:
    """One trial: two copies of the model, timed in turn."""
    images = torch.randn(IMAGES, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(seed))
    models = {label: attnbench.create_model(BACKBONE, num_classes=10, image_size=(SIZE, SIZE)) for label in "AB"}
    steps = {label: inference_step(model, images) for label, model in models.items()}
    with disturbance(seed) if disturbed else nullcontext():
        before = take_reading()
        timings = time_interleaved(
            steps, baseline="A", device=CPU, half_width=HALF_WIDTH, budget_s=BUDGET_S, min_rounds=MIN_ROUNDS
        )
        load = machine_load(before, CPU)
    interval = paired_ratio_interval(timings.ms["B"], timings.ms["A"])
    return Trial(
        seed=seed,
        median=interval.median,
        low=interval.low,
        high=interval.high,
        block_length=interval.block_length,
        rounds=interval.num_rounds,
        repeats=timings.repeats,
        stopped_by=timings.stopped_by,
        elapsed_s=timings.elapsed_s,
        median_ms=float(np.median(timings.ms["A"])),
        other_processors=load.other_processors,
    )


@contextmanager
def disturbance(seed: int) -> Iterator[None]:
    """A second process that is busy on and off at random."""
    command = [sys.executable, str(Path(__file__).with_name("disturber.py")), str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.kill()


def share(trials: list[Trial]) -> float:
    """Part of the trials whose interval contains 1."""
    return sum(trial.contains_one for trial in trials) / len(trials)


def line(trial: Trial) -> str:
    """A trial in one line."""
    verdict = "contains 1" if trial.contains_one else "misses 1"
    return f"{trial.median:.4f} in {trial.low:.4f} … {trial.high:.4f} of {plural(trial.rounds, 'round')}, {verdict}"


def show(settings: dict[str, Any], trials: list[Trial], console: Console) -> None:
    """Print heading, table and verdict."""
    console.print(heading(settings, len(trials)), highlight=False)
    console.print(table(trials))
    right = sum(trial.contains_one for trial in trials)
    low, high = proportion_interval(right, len(trials))
    verdict = "as wanted" if share(trials) >= WANTED else "too few"
    console.print(
        f"\nThe interval contains 1 in {right} of {len(trials)} trials, {share(trials):.1%} ({low:.1%} … {high:.1%}, "
        f"Wilson, 95 %): {verdict}; at least {WANTED:.0%} are.",
        highlight=False,
    )


def heading(settings: dict[str, Any], num_trials: int) -> str:
    """What was measured, where, and how to measure it again."""
    environment = settings["environment"]
    versions = [f"Python {environment['python']}", *(f"{name} {environment['packages'][name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment['attnbench']} ({environment['git_revision'] or 'installed'})")
    machine = [environment["platform"], environment["processor"], f"{os.cpu_count()} processors"]
    machine.append(plural(environment["threads"], "thread"))
    command = f"python benchmarks/aa_calibration.py --trials {num_trials} --threads {environment['threads']}"
    command += "" if settings["disturbed"] else " --undisturbed"
    second = "a second process busy on and off at random" if settings["disturbed"] else "no second process"
    return (
        "One model entered twice: how often the 95 % interval of the ratio contains 1\n\n"
        f"{command}\n{', '.join([*machine, *versions])}\n\n"
        f"{settings['backbone']}, {settings['images']} images of {settings['size']}×{settings['size']}, inference, "
        f"{second}. A trial ends at ±{settings['half_width']:.0%} or after {settings['budget_s']} s.\n"
    )


def table(trials: list[Trial]) -> Table:
    """Quantiles over the trials."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("over the trials")
    for share_below in QUANTILES:
        made.add_column(f"{share_below:.0%}", justify="right", no_wrap=True)
    others = [trial.other_processors for trial in trials if trial.other_processors is not None]
    widths = [50 * (trial.high - trial.low) / trial.median for trial in trials if math.isfinite(trial.high)]
    rows = {
        "ratio, median": ([trial.median for trial in trials], ".4f"),
        "half width of the interval, %": (widths, ".2f"),
        "rounds": ([trial.rounds for trial in trials], ".0f"),
        "block length": ([trial.block_length for trial in trials], ".0f"),
        "step, ms": ([trial.median_ms for trial in trials], ".2f"),
        "seconds": ([trial.elapsed_s for trial in trials], ".1f"),
        "processors that others used": (others, ".2f"),
    }
    for name, (values, form) in rows.items():
        if values:
            made.add_row(name, *(format(value, form) for value in np.quantile(values, QUANTILES)))
    return made


if __name__ == "__main__":
    sys.exit(main())
