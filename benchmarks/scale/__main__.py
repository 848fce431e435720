"""How a suite grows: with workers, with executors, and with the number of its runs.

    python -m benchmarks.scale --output results

A suite of 24 small trainings is run by one worker and by two, in turn; each ratio is of two suites right after each
other. Runs that do nothing but leave a record show what each executor takes for a run, beside a training through it.
Suites of 100, 1,000 and 10,000 of them show whether that grows with the number of runs.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from attnbench.environment import capture_environment
from attnbench.executors.choice import Choice
from attnbench.hardware import resolve_device
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.report.numbers import plural
from attnbench.spec import Compute, Recipe, SuiteSpec
from benchmarks.scale.measuring import A_PROCESS_EACH, CHOICES, Timed, see_benchmarks, time_notes, time_trainings
from benchmarks.tuning_workers import spread

PACKAGES = ("torch", "lightning", "ray", "submitit")
FEW = 4
"""Runs, where each takes a process of its own."""
MOST_GROWTH = 1.5
"""What a run of the largest suite may take over one of the middle size."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and fail if a run takes the longer the more there are."""
    options = parsed(arguments)
    see_benchmarks()
    suite = suite_of(options)
    choices = {name: choice for name, choice in CHOICES.items() if is_there(choice)}
    before, load_before = take_reading(), os.getloadavg()[0]
    workers = [
        {number: time_trainings(suite, Choice(workers=number)) for number in (1, 2)} for _ in range(options.repeats)
    ]
    small = replace(suite, seeds=suite.seeds[:1], attention=suite.attention[:FEW])
    trained = {name: [time_trainings(small, one) for _ in range(options.repeats)] for name, one in choices.items()}
    sizes = {name: (FEW,) * options.repeats if name == A_PROCESS_EACH else tuple(options.runs) for name in choices}
    notes = {name: time_notes(sizes[name], choice) for name, choice in choices.items()}
    others = machine_load(before, resolve_device(suite.compute)).other_processors
    text = "\n".join(
        [
            *heading(options, suite, load_before, others),
            *("", *of_workers(workers)),
            *("", *of_executors(trained, notes)),
            *("", *of_sizes(notes)),
        ]
    )
    print(text)
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        (options.output / "scale.txt").write_text(text + "\n", encoding="utf-8")
        raw = {
            "workers": [{number: asdict(one) for number, one in pair.items()} for pair in workers],
            "trained": {name: [asdict(one) for one in made] for name, made in trained.items()},
            "notes": {name: [asdict(one) for one in made] for name, made in notes.items()},
        }
        (options.output / "scale.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    return 0 if all(growth(made) < MOST_GROWTH for made in notes.values()) else 1


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=3, help="times that each suite is trained, at least 2")
    parser.add_argument("--seeds", type=int, default=6, help="of each of four variants")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=1000, help="of the training split")
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1000, 10000], help="that do nothing, rising")
    parser.add_argument("--output", type=Path, help="folder for scale.json and scale.txt")
    options = parser.parse_args(arguments)
    if options.repeats < 2 or len(options.runs) < 2 or options.runs != sorted(options.runs):
        parser.error("at least 2 repeats, and at least 2 numbers of runs, rising")
    return options


def suite_of(options: argparse.Namespace) -> SuiteSpec:
    """Four variants on so many seeds, each a training of seconds on one thread."""
    return SuiteSpec(
        attention=("none", "sge:groups=4", "se:reduction=4", "simam"),
        backbone="cifar-resnet:depth=8,stem_stride=2,width=16",
        data=f"cluttered-digits:train_images={options.images},validation_images=200,test_images=200",
        seeds=tuple(range(options.seeds)),
        recipe=Recipe(epochs=options.epochs, batch_size=64, learning_rate=0.05),
        compute=Compute(device="cpu"),
    )


def is_there(choice: Choice) -> bool:
    """Whether what it needs is installed."""
    return choice.kind == "local" or find_spec({"ray": "ray", "slurm": "submitit"}[choice.kind]) is not None


def heading(
    options: argparse.Namespace, suite: SuiteSpec, load_before: float, other_processors: float | None
) -> list[str]:
    """What was measured, where, beside what else, and how to measure it again."""
    environment = capture_environment(suite.compute)
    versions = [f"Python {environment.python}", *(f"{name} {version(name)}" for name in PACKAGES if find_spec(name))]
    versions.append(f"attnbench {environment.attnbench} ({environment.git_revision or 'installed'})")
    others = "an unknown number of" if other_processors is None else f"{other_processors:.2f}"
    runs = " ".join(map(str, options.runs))
    return [
        "How a suite grows: with workers, with executors, and with the number of its runs",
        "",
        f"python -m benchmarks.scale --repeats {options.repeats} --seeds {options.seeds} --epochs {options.epochs} "
        f"--images {options.images} --runs {runs}",
        f"{environment.platform}, {environment.processor}, {os.cpu_count()} processors, 1 thread a training",
        ", ".join(versions),
        f"load average {load_before:.2f} before and {os.getloadavg()[0]:.2f} after; other programs kept {others} "
        "processors busy on average",
        "",
        "Medians, in brackets the smallest and the largest.",
    ]


def of_workers(workers: Sequence[Mapping[int, Timed]]) -> Iterator[str]:
    """What the second worker brings."""
    yield f"{plural(workers[0][1].num_runs, 'training')} by one worker, in this process, and by two of their own"
    yield f"{'workers':<28}{'whole s':>24}{'at work s':>24}{'start s':>24}"
    for number in (1, 2):
        of = [pair[number] for pair in workers]
        cells = [[one.whole_s for one in of], [one.work_s for one in of], [one.start_s for one in of]]
        yield f"{number:<28}" + "".join(f"{spread(cell, digits=1):>24}" for cell in cells)
    at_work = spread([pair[1].work_s / pair[2].work_s for pair in workers])
    whole = spread([pair[1].whole_s / pair[2].whole_s for pair in workers])
    yield f"Two are {at_work} times as fast as one at work, and {whole} times with their start."


def of_executors(trained: Mapping[str, Sequence[Timed]], notes: Mapping[str, Sequence[Timed]]) -> Iterator[str]:
    """What each executor takes to start, for a run that does nothing, and for a training."""
    yield "What an executor takes for a run: one that does nothing but leave its record, and a training"
    yield f"{'executor':<28}{'nothing ms':>24}{'training ms':>24}{'start s':>24}"
    for name, made in trained.items():
        cells = [
            spread([one.run_ms for one in notes[name]]),
            spread([one.run_ms for one in made], digits=0),
            spread([one.start_s for one in made], digits=1),
        ]
        yield f"{name:<28}" + "".join(f"{cell:>24}" for cell in cells)


def of_sizes(notes: Mapping[str, Sequence[Timed]]) -> Iterator[str]:
    """Milliseconds a run by the number of runs."""
    compared = {name: made for name, made in notes.items() if name != A_PROCESS_EACH}
    yield "Milliseconds for a run that does nothing, by the number of runs of the suite"
    numbers = [one.num_runs for one in next(iter(compared.values()))]
    yield f"{'executor':<28}" + "".join(f"{number:>16,}" for number in numbers) + f"{'last / one before':>20}"
    for name, made in compared.items():
        yield f"{name:<28}" + "".join(f"{one.run_ms:>16.2f}" for one in made) + f"{growth(made):>20.2f}"


def growth(made: Sequence[Timed]) -> float:
    """What a run of the last suite takes over one of the suite before it; 1 where they are of one size."""
    before, last = made[-2:]
    return 1.0 if before.num_runs == last.num_runs else last.run_ms / before.run_ms


if __name__ == "__main__":
    sys.exit(main())
