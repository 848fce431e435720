"""The ratio of SE-ResNet-50's time to ResNet-50's, measured over and over by timm's method and by ours.

    python benchmarks/vs_timm.py --output results

timm's method (`benchmark.py` of https://github.com/huggingface/pytorch-image-models, its defaults):
one model after the other, 10 steps to warm up, then the mean of 40, a synchronised clock around every
step. Ours: both models in turn, the median of the rounds' ratios. Both measure the same two models on
the same images in the same minutes, and ours gets as many seconds as timm's took, its own warm-up
and first calls included. The true ratio is the same for both, so that the method whose repeated
answers lie closer together is the better one.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

import attnbench
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.measure.steps import inference_step
from attnbench.measure.stopwatch import Step
from attnbench.measure.timing import time_interleaved
from attnbench.report.numbers import plural
from attnbench.spec import Compute
from attnbench.stats import paired_ratio_interval

WARMUP_STEPS, TIMED_STEPS = 10, 40
"""timm's defaults."""
ATTENTION = ("none", "se")
PACKAGES = ("torch", "timm", "numpy")
METHODS = ("timm", "attnbench")


@dataclass(frozen=True)
class Repeat:
    """What both methods gave, one right after the other."""

    timm_ratio: float
    timm_s: float
    attnbench_ratio: float
    attnbench_low: float
    attnbench_high: float
    attnbench_s: float
    rounds: int
    other_processors: float | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and fail if ours is not the narrower."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=10, help="measurements by each method, at least 2")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--batch-size", type=int, help="images; by default 256 as timm's on a GPU, 2 on a CPU")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument("--quick", action="store_true", help="ResNet-18 on images of 64×64")
    parser.add_argument("--output", type=Path, help="folder for vs-timm.json and vs-timm.txt")
    options = parser.parse_args(arguments)
    if options.repeats < 2:
        parser.error(f"a spread needs at least 2 repeats; got --repeats {options.repeats}")
    torch.set_num_threads(options.threads)
    settings = settings_of(options)
    console, repeats = Console(), list[Repeat]()
    steps = make_steps(settings)
    for number in range(options.repeats):
        repeats.append(measure(steps, torch.device(settings["device"])))
        console.print(f"repeat {number + 1}: {line(repeats[-1])}", highlight=False)
        if options.output is not None:
            write(options.output, settings, repeats)
    show(settings, repeats, console)
    return 0 if spread(repeats, "attnbench") < spread(repeats, "timm") else 1


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What is measured, and where."""
    compute = Compute(device=options.device, precision="float32")
    device = resolve_device(compute).type
    batch_size = options.batch_size or (256 if device == "cuda" else 2)
    command = f"--repeats {options.repeats} --device {device} --batch-size {batch_size} --threads {options.threads}"
    return {
        "backbone": "resnet18" if options.quick else "resnet50",
        "size": 64 if options.quick else 224,
        "images": batch_size,
        "device": device,
        "command": f"python benchmarks/vs_timm.py {command}{' --quick' if options.quick else ''}",
        "environment": asdict(capture_environment(compute)),
    }


def make_steps(settings: dict[str, Any]) -> dict[str, Step]:
    """A forward pass of the plain network and of the one with SE, each run once."""
    device, size = settings["device"], settings["size"]
    images = torch.randn(settings["images"], 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    steps = {}
    for attention in ATTENTION:
        model = attnbench.create_model(settings["backbone"], attention, image_size=(size, size)).to(device)
        steps[attention] = inference_step(model, images)
        steps[attention]()
    return steps


def measure(steps: dict[str, Step], device: torch.device) -> Repeat:
    """Both methods, timm's first; ours gets the seconds that it took."""
    before = take_reading()
    started = time.perf_counter()
    plain, se = (timm_step_ms(steps[attention], device) for attention in ATTENTION)
    timm_s = time.perf_counter() - started
    started = time.perf_counter()
    # The first calls, which the budget leaves out, are as much of timm's steps.
    budget_s = timm_s * (1 - 1 / (WARMUP_STEPS + TIMED_STEPS))
    timings = time_interleaved(steps, baseline=ATTENTION[0], device=device, half_width=0, budget_s=budget_s)
    ours_s = time.perf_counter() - started
    interval = paired_ratio_interval(timings.ms[ATTENTION[1]], timings.ms[ATTENTION[0]])
    return Repeat(
        timm_ratio=se / plain,
        timm_s=timm_s,
        attnbench_ratio=interval.median,
        attnbench_low=interval.low,
        attnbench_high=interval.high,
        attnbench_s=ours_s,
        rounds=interval.num_rounds,
        other_processors=machine_load(before, device).other_processors,
    )


def timm_step_ms(step: Step, device: torch.device) -> float:
    """The mean time of a step by timm's method, after its warm-up."""
    for _ in range(WARMUP_STEPS):
        synchronised_ms(step, device)
    return statistics.fmean(synchronised_ms(step, device) for _ in range(TIMED_STEPS))


def synchronised_ms(step: Step, device: torch.device) -> float:
    """One step by the wall clock; a GPU is waited for at the end."""
    started = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return 1e3 * (time.perf_counter() - started)


def ratios(repeats: list[Repeat], method: str) -> list[float]:
    """What a method answered, repeat by repeat."""
    return [getattr(repeat, f"{method}_ratio") for repeat in repeats]


def spread(repeats: list[Repeat], method: str) -> float:
    """Standard deviation of a method's ratios."""
    return statistics.stdev(ratios(repeats, method))


def line(repeat: Repeat) -> str:
    """A repeat in one line."""
    return (
        f"timm {repeat.timm_ratio:.4f} in {repeat.timm_s:.1f} s, attnbench {repeat.attnbench_ratio:.4f} "
        f"({repeat.attnbench_low:.4f} … {repeat.attnbench_high:.4f}) in {repeat.attnbench_s:.1f} s"
    )


def write(folder: Path, settings: dict[str, Any], repeats: list[Repeat]) -> None:
    """Write what there is so far: the numbers, and the text once there is a spread."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"settings": settings, "repeats": [asdict(repeat) for repeat in repeats]}
    (folder / "vs-timm.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if len(repeats) > 1:
        with (folder / "vs-timm.txt").open("w", encoding="utf-8") as file:
            show(settings, repeats, Console(file=file, width=100))


def show(settings: dict[str, Any], repeats: list[Repeat], console: Console) -> None:
    """Print heading, table and verdict."""
    console.print(heading(settings), highlight=False)
    console.print(table(repeats))
    ours, theirs = spread(repeats, "attnbench"), spread(repeats, "timm")
    narrower, factor = ("attnbench", theirs / ours) if ours < theirs else ("timm", ours / theirs)
    console.print(
        f"\nOver {plural(len(repeats), 'repeat')} the ratio of {narrower} is the narrower: its standard deviation is "
        f"{factor:.1f} times smaller.",
        highlight=False,
    )


def heading(settings: dict[str, Any]) -> str:
    """What was measured, where, and how to measure it again."""
    environment = settings["environment"]
    versions = [f"Python {environment['python']}", *(f"{name} {environment['packages'][name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment['attnbench']} ({environment['git_revision'] or 'installed'})")
    machine = [environment["platform"], environment["processor"], environment["device"]]
    machine.append(plural(environment["threads"], "thread"))
    return (
        "Time of a network with SE over the plain one's, by two methods in the same seconds\n\n"
        f"{settings['command']}\n{', '.join([*machine, *versions])}\n\n"
        f"{settings['backbone']}, batches of {settings['images']} images of {settings['size']}×{settings['size']}, "
        "inference in float32.\n"
    )


def table(repeats: list[Repeat]) -> Table:
    """The spreads, one row a method."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    made.add_column("method")
    for name in ("mean ratio", "standard deviation", "smallest", "largest", "range", "seconds"):
        made.add_column(name, justify="right")
    for method in METHODS:
        values = ratios(repeats, method)
        numbers = (statistics.fmean(values), spread(repeats, method), min(values), max(values))
        seconds = statistics.fmean(getattr(repeat, f"{method}_s") for repeat in repeats)
        cells = [*(f"{number:.4f}" for number in (*numbers, max(values) - min(values))), f"{seconds:.1f}"]
        made.add_row(method, *cells)
    return made


if __name__ == "__main__":
    sys.exit(main())
