"""What attnbench takes besides the training itself, measured beside the same work without it.

    python -m benchmarks.overhead --output results

A leaderboard stands beside the same trainings as a loop in plain PyTorch (`bare.py`), once in one process and once in
processes of their own, whose start counts; the two take turns, and each ratio is of two times right after each other.
That both trained the same is seen by losses and answers, which must be equal to the last bit. Then several runs at
once, what commands take to start, and with --timm-train timm's own training script on the same images as files.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.presets import load_suite
from attnbench.report.numbers import plural
from attnbench.spec import Compute, SuiteSpec
from attnbench.spec_io import to_builtins
from attnbench.variant import split_variants
from benchmarks.overhead.leaderboard import measure_processes, measure_round, tensors_of, warm_up
from benchmarks.overhead.starting import measure_starts
from benchmarks.overhead.table import (
    Row,
    rows_beside_timm,
    rows_in_one_process,
    rows_of_processes,
    rows_of_starts,
    table,
)
from benchmarks.overhead.timm_script import measure_timm

PRESET = "cluttered-digits"
TIMM_DATA = "cluttered-digits:size=32,train_images=2000,validation_images=500,test_images=500"
PACKAGES = ("torch", "lightning", "timm", "torchmetrics")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and fail if a target is missed or the two trainings were not the same."""
    options = parsed(arguments)
    suite = suite_of(options)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # of what runs in processes of its own
    device = resolve_device(suite.compute)
    before = take_reading()
    measured = measure(options, suite)
    settings = {
        "command": f"python -m benchmarks.overhead {command_of(options)}",
        "suite": to_builtins(suite),
        "environment": asdict(capture_environment(suite.compute)),
        "other_processors": machine_load(before, device).other_processors,
    }
    num_runs = len(suite.attention) * len(suite.seeds)
    rounds = measured["in_one_process"]
    sections: dict[str, Sequence[Row]] = {
        "In one process": list(rows_in_one_process(rounds, num_runs)),
        "In processes of their own": list(rows_of_processes(measured["processes"], num_runs)),
        "Commands": list(rows_of_starts(measured["starts"])),
    }
    if measured["timm"]:
        sections["Beside timm, images as files"] = list(rows_beside_timm(measured["timm"], options.timm_model))
    num_same = sum(one.is_same for one in rounds)
    show(settings, suite, sections, num_same, Console())
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        raw = {name: [asdict(one) for one in made] for name, made in measured.items() if name != "starts"}
        raw["starts"] = {words: [asdict(one) for one in made] for words, made in measured["starts"].items()}
        text = json.dumps({"settings": settings, **raw}, indent=1)
        (options.output / "overhead.json").write_text(text + "\n", encoding="utf-8")
        with (options.output / "overhead.txt").open("w", encoding="utf-8") as file:
            show(settings, suite, sections, num_same, Console(file=file, width=120))
    missed = any(row.is_met is False for rows in sections.values() for row in rows)
    return 1 if missed or num_same < len(rounds) else 0


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    preset = load_suite(PRESET)
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="times that each is measured, at least 2")
    parser.add_argument("--attention", default="none,sge")
    parser.add_argument("--backbone", default=preset.backbone)
    parser.add_argument("--data", default=preset.data)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=preset.recipe.epochs)
    parser.add_argument("--batch-size", type=int, default=preset.recipe.batch_size)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of a training")
    parser.add_argument("--workers", type=int, nargs="+", help="runs at once; by default 1 2, on a GPU 1 2 4")
    parser.add_argument("--timm-train", type=Path, help="train.py of a checkout of timm, of the installed version")
    parser.add_argument("--timm-model", default="resnet10t")
    parser.add_argument("--timm-data", default=TIMM_DATA)
    parser.add_argument("--timm-epochs", type=int, default=12)
    parser.add_argument("--timm-rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, help="folder for overhead.json and overhead.txt")
    options = parser.parse_args(arguments)
    if options.rounds < 2:
        parser.error(f"a spread needs at least 2 rounds; got --rounds {options.rounds}")
    on_gpu = resolve_device(Compute(device=options.device)).type == "cuda"
    options.device = "cuda" if on_gpu else "cpu"
    options.workers = options.workers or ([1, 2, 4] if on_gpu else [1, 2])
    if options.workers[0] != 1:
        parser.error(f"--workers begins with 1, which the others are compared with; got {options.workers[0]}")
    return options


def command_of(options: argparse.Namespace) -> str:
    """The options as they were understood, without where this is written."""
    given = {name: value for name, value in vars(options).items() if name not in ("output", "timm_train")}
    words = {name: " ".join(map(str, value)) if isinstance(value, list) else value for name, value in given.items()}
    timm = " --timm-train train.py" if options.timm_train is not None else ""
    return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in words.items()) + timm


def suite_of(options: argparse.Namespace) -> SuiteSpec:
    """The leaderboard that is measured: the preset's, with crops and mirroring, which a real one has."""
    preset = load_suite(PRESET)
    recipe = replace(
        preset.recipe, epochs=options.epochs, batch_size=options.batch_size, crop_padding=2, horizontal_flip=True
    )
    return replace(
        preset,
        attention=tuple(split_variants(options.attention)),
        backbone=options.backbone,
        data=options.data,
        seeds=tuple(range(options.seeds)),
        recipe=recipe,
        compute=Compute(device=options.device, threads=options.threads),
    )


def measure(options: argparse.Namespace, suite: SuiteSpec) -> dict[str, Any]:
    """All measurements, by name."""
    tensors = tensors_of(suite)
    warm_up(suite, tensors)
    timm = []
    if options.timm_train is not None:
        timm = measure_timm(
            options.timm_train,
            tensors_of(replace(suite, data=options.timm_data)),
            rounds=options.timm_rounds,
            model=options.timm_model,
            epochs=options.timm_epochs,
            readers=0,
            device=options.device,
            threads=options.threads,
        )
    return {
        "in_one_process": [measure_round(suite, tensors) for _ in range(options.rounds)],
        "processes": [measure_processes(suite, tensors, tuple(options.workers)) for _ in range(options.rounds)],
        "starts": measure_starts(options.rounds),
        "timm": timm,
    }


def show(
    settings: dict[str, Any], suite: SuiteSpec, sections: dict[str, Sequence[Row]], num_same: int, console: Console
) -> None:
    """Print heading, table and what could not be tried."""
    environment = settings["environment"]
    versions = [f"Python {environment['python']}", *(f"{name} {environment['packages'][name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment['attnbench']} ({environment['git_revision'] or 'installed'})")
    machine = [environment["platform"], environment["processor"], environment["device"]]
    machine += [plural(os.cpu_count() or 1, "processor"), f"{plural(environment['threads'], 'thread')} a training"]
    others = settings["other_processors"]
    busy = "an unknown number of" if others is None else f"{others:.2f}"
    console.print(
        "What attnbench takes besides the training itself\n\n"
        f"{settings['command']}\n{', '.join([*machine, *versions])}\n"
        f"other programs kept {busy} processors busy on average\n\n"
        f"{', '.join(suite.attention)} in {suite.backbone} on {suite.data}, {plural(len(suite.seeds), 'seed')}, "
        f"{plural(suite.recipe.epochs, 'epoch')}. Medians over the rounds, in brackets the smallest and the largest; "
        "ratios to the row above them that has none.\n",
        highlight=False,
    )
    console.print(table(sections), highlight=False)
    num_rounds = len(sections["In one process"][0].seconds)
    console.print(
        f"\nIn {num_same} of {plural(num_rounds, 'round')} all losses of validation and test, and the answers, were "
        "equal to the bare loop's to the last bit.",
        highlight=False,
    )
    if "Beside timm, images as files" not in sections:
        console.print("timm's training script was not tried: --timm-train names none.", highlight=False)
    if environment["device"] == "cpu" and not torch.cuda.is_available():
        console.print("A GPU could not be tried: this machine has none.", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
