"""How near attention comes to the speed of memory, beside the authors' code, timm's, and compiled forms of both.

    python -m benchmarks.kernels --output results

Every module is timed on the maps of ResNet-50's stages at 224×224, all of its forms in turn, so that
ratios are of one run: a forward pass in inference mode, forward and backward together, and on a GPU the
backward pass alone. Beside them a copy of the map, which reads and writes each byte once. Then whole
networks, in training and in inference. Last come the bytes that SGE keeps for its backward pass. The
targets stand below, with what was measured; one that needs a GPU says so where there is none.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device
from attnbench.kernels.backend import has_kernels
from attnbench.measure import measure_bandwidth
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.measure.timing import time_interleaved
from attnbench.spec import Compute
from attnbench.stats import paired_ratio_interval
from benchmarks.kernels.report import BASELINES, line, show
from benchmarks.kernels.steps import LAYOUTS, MODULES, STAGES, kept_by_rows, module_rows, module_steps, network_steps
from benchmarks.kernels.targets import Timed


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--batch-size", type=int, help="images of a module's map; by default 256 on a GPU, 8 on a CPU")
    parser.add_argument("--network-batch-size", type=int, help="by default 256 on a GPU, 4 on a CPU")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="of each comparison of modules; of networks 30 times it"
    )
    parser.add_argument("--modules", default=",".join(MODULES), help="which, with commas between; sge has the targets")
    parser.add_argument("--quick", action="store_true", help="one stage of 2 images, and networks on images of 64×64")
    parser.add_argument("--output", type=Path, help="folder for kernels.json and kernels.txt")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.modules.split(",")) - set(MODULES)):
        parser.error(f"--modules: unknown name {unknown[0]!r}; allowed: {', '.join(MODULES)}")
    torch.set_num_threads(options.threads)
    # Every stage, layout and mode is a graph of its own, of one forward function.
    torch._dynamo.config.recompile_limit = 1000  # type: ignore[attr-defined]
    settings = settings_of(options)
    console, before = Console(), take_reading()
    timed = list[Timed]()
    for measured in measurements(options, settings):
        timed += measured
        console.print(line(measured), highlight=False)
        if options.output is not None:
            write(options.output, settings, timed, console_width=None)
    settings["other_processors"] = machine_load(before, torch.device(settings["device"])).other_processors
    settings["kept"] = kept_by_rows()
    if options.output is not None:
        write(options.output, settings, timed, console_width=120)
    show(settings, timed, console)
    return 0


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What is measured, and where."""
    compute = Compute(device=options.device, threads=options.threads)
    device = resolve_device(compute)
    on_gpu = device.type == "cuda"
    batch_size = 2 if options.quick else options.batch_size or (256 if on_gpu else 8)
    network_batch_size = 2 if options.quick else options.network_batch_size or (256 if on_gpu else 4)
    given = {"device": device.type, "threads": options.threads, "seconds": options.seconds, "modules": options.modules}
    given |= {"batch-size": batch_size, "network-batch-size": network_batch_size}
    command = " ".join(f"--{name} {value}" for name, value in given.items())
    return {
        "command": f"python -m benchmarks.kernels {command}{' --quick' if options.quick else ''}",
        "device": device.type,
        "dtype": "bfloat16" if on_gpu else "float32",
        "batch_size": batch_size,
        "network_batch_size": network_batch_size,
        "network_size": 64 if options.quick else 224,
        "has_kernels": has_kernels(device, torch.bfloat16),
        "bandwidth_bytes_per_s": measure_bandwidth(device),
        "environment": asdict(capture_environment(compute)),
    }


def measurements(options: argparse.Namespace, settings: dict[str, Any]) -> Iterable[list[Timed]]:
    """Everything that is timed, one comparison after the other."""
    device, dtype = torch.device(settings["device"]), getattr(torch, settings["dtype"])
    phases = ("forward", "training", "backward") if device.type == "cuda" else ("forward", "training")
    stages = {4: STAGES[4]} if options.quick else STAGES
    for name in options.modules.split(","):
        for stage, (channels, size) in stages.items():
            modules = module_rows(name, channels, device, dtype)
            for layout, memory_format in LAYOUTS.items():
                shape = (settings["batch_size"], channels, size, size)
                x = torch.randn(shape, device=device, dtype=dtype).contiguous(memory_format=memory_format)
                for phase in phases:
                    yield timed_in_turn(
                        module_steps(modules, x, phase), settings, options.seconds,
                        what=name, stage=stage, layout=layout, phase=phase, num_bytes=x.numel() * x.element_size(),
                    )  # fmt: skip
    for training in (True, False):
        batch_size, size = settings["network_batch_size"], settings["network_size"]
        steps = network_steps(device, batch_size=batch_size, size=size, training=training)
        phase = "training" if training else "forward"
        seconds = (2 if options.quick else 30) * options.seconds
        yield timed_in_turn(steps, settings, seconds, what="network", stage=0, layout="NHWC", phase=phase)


def timed_in_turn(
    steps: dict[str, Any],
    settings: dict[str, Any],
    seconds: float,
    *,
    what: str,
    phase: str,
    num_bytes: int | None = None,
    **where: Any,
) -> list[Timed]:
    """Every form of one thing in one phase."""
    baseline = BASELINES.get(what, "timm")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="torch")
        timings = time_interleaved(
            steps, baseline=baseline, device=torch.device(settings["device"]), budget_s=seconds, half_width=0.005
        )
    if timings.errors:
        raise RuntimeError(f"{what}, {phase}: {timings.errors}")
    passes = {"forward": 2, "backward": 3, "training": 5}[phase]
    rows = []
    for row, samples in timings.ms.items():
        interval = paired_ratio_interval(timings.ms[baseline], samples)
        ms = sorted(samples)[len(samples) // 2]
        share = passes * num_bytes / ms * 1e3 / settings["bandwidth_bytes_per_s"] if num_bytes else None
        numbers = {"ms": ms, "speed": interval.median, "low": interval.low, "high": interval.high}
        rows.append(Timed(what=what, phase=phase, row=row, bandwidth_share=share, **where, **numbers))
    return rows


def write(folder: Path, settings: dict[str, Any], timed: list[Timed], *, console_width: int | None) -> None:
    """Write what there is so far: the numbers, and in the end the text."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"settings": settings, "timed": [asdict(row) for row in timed]}
    (folder / "kernels.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if console_width is not None:
        with (folder / "kernels.txt").open("w", encoding="utf-8") as file:
            show(settings, timed, Console(file=file, width=console_width))


if __name__ == "__main__":
    sys.exit(main())
