"""How long a report takes of a store of many records, and how much memory.

    python benchmarks/report_scale.py --output results/report-scale.txt

The records are made up, and of the size of real ones: learning curves, packed answers to every test image and
timings. An answer is right with the probability that the logistic function gives of an image's easiness, a
variant's merit, and what a seed does. Each report runs in a process of its own, whose start and imports count.
The limits are on the median.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

import attnbench
from attnbench.errors import AttnBenchError
from attnbench.packed import PackedBits
from attnbench.record import SCHEMA, Environment, Epoch, Record, Store, Timing, Values
from attnbench.spec import Recipe, RunSpec, digest

VARIANTS = ("none", "se", "sge", "eca", "cbam", "bam", "gct", "simam", "srm", "sge:groups=4")
BACKBONES = tuple(f"cifar-resnet:depth={depth}" for depth in (8, 14, 20, 32, 56))
DATA_SETS = ("fashion-mnist", "cifar10", "cluttered-digits", "digits")
EASINESS, EASINESS_DEVIATION, MERIT_DEVIATION, SEED_DEVIATION = 2.5, 2.0, 0.1, 0.05
"""Logits of the images, of the variants and of a run's seed; about 85 % of answers are right."""
PASSES = 20
MOST_SECONDS, MOST_MEGABYTES = 2.0, 300.0
"""What a report on 10,000 records may take."""

PACKAGES = ("fvcore", "lightning", "numpy", "scikit-learn", "timm", "torch", "torchmetrics", "torchvision")
ENVIRONMENT = Environment(
    attnbench=attnbench.__version__,
    git_revision="0123456789ab",
    python="3.11.9",
    packages=dict.fromkeys(PACKAGES, "1.2.3"),
    platform="Linux x86_64",
    processor="Example CPU 3000",
    device="cpu",
    precision="float32",
    threads=1,
)


@dataclass(frozen=True)
class Design:
    """The size of a store."""

    leaderboards: int
    variants: int
    seeds: int
    images: int
    epochs: int

    @property
    def records(self) -> int:
        """How many records it holds."""
        return self.leaderboards * self.variants * self.seeds


@dataclass(frozen=True)
class Spent:
    """What one process took."""

    wall_s: float
    user_s: float
    system_s: float
    peak_megabytes: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a store, report on it, print, write, and fail if a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--leaderboards", type=int, default=100)
    parser.add_argument("--variants", type=int, default=10, choices=range(1, len(VARIANTS) + 1), help="of each")
    parser.add_argument("--seeds", type=int, default=10, help="of each variant")
    parser.add_argument("--images", type=int, default=10_000, help="of each test split")
    parser.add_argument("--epochs", type=int, default=30, help="of each run")
    parser.add_argument("--repeats", type=int, default=5, help="reports, after one that does not count")
    parser.add_argument("--output", type=Path, help="text file")
    options = parser.parse_args(arguments)
    design = Design(options.leaderboards, options.variants, options.seeds, options.images, options.epochs)
    with tempfile.TemporaryDirectory() as folder:
        num_bytes = make_store(design, Path(folder) / "records")
        spent = [report_on(Path(folder) / "records") for _ in range(options.repeats + 1)][1:]
    rows, kept = table(spent)
    text = "\n".join([*heading(design, options.repeats, num_bytes), "", *rows]) + "\n"
    print(text, end="")
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    return 0 if kept else 1


def make_store(design: Design, folder: Path) -> int:
    """Fill a folder with records, none kept in memory, and say how many bytes they are."""
    folder.mkdir()
    num_bytes = 0
    for index in range(design.leaderboards):
        for record in made_up(design, index):
            # Not Store.add, which waits for the disk at every record.
            num_bytes += Store(folder).file_of(record.digest).write_bytes(record.to_json())
    return num_bytes


def made_up(design: Design, index: int) -> Iterator[Record]:
    """The records of one leaderboard."""
    generator = np.random.default_rng(index)
    easiness = generator.normal(EASINESS, EASINESS_DEVIATION, size=design.images)
    recipe = Recipe(epochs=design.epochs, learning_rate=0.02 * (1 + index // (len(BACKBONES) * len(DATA_SETS))))
    merits = generator.normal(0, MERIT_DEVIATION, size=design.variants)
    for variant, merit in zip(VARIANTS, merits, strict=False):
        for seed in range(design.seeds):
            logits = easiness + merit + generator.normal(0, SEED_DEVIATION)
            correct = generator.random(design.images) < expit(logits)
            spec = RunSpec(
                attention=variant,
                backbone=BACKBONES[index % len(BACKBONES)],
                data=DATA_SETS[index // len(BACKBONES) % len(DATA_SETS)],
                recipe=recipe,
                seed=seed,
            )
            yield record_of(spec, correct, generator)


def record_of(spec: RunSpec, correct: NDArray[np.bool_], generator: np.random.Generator) -> Record:
    """The record of a run that answered so."""
    top1_percent = 100 * float(correct.mean())
    curve = learning_curve(spec.recipe, top1_percent, generator)
    own = VARIANTS.index(spec.attention)
    return Record(
        schema=SCHEMA,
        digest=digest(spec),
        spec=spec,
        environment=ENVIRONMENT,
        curve=curve,
        values=Values(
            selected_epoch=max(curve, key=lambda point: point.validation_top1_percent).epoch,
            test_loss=2 * (1 - top1_percent / 100),
            test_top1_percent=top1_percent,
            test_top5_percent=99.0,
            num_train_images=55_000,
            num_validation_images=5_000,
            num_test_images=len(correct),
            num_classes=10,
            image_shape=(3, 32, 32),
            parameters=272_474 + 1_000 * own,
            macs=41_214_080 + 10_000 * own,
            uncounted_operators={"aten::add": 9, "aten::mean": 9, "aten::mul": 9, "aten::sigmoid": 9},
            num_attention_modules=9 if own else 0,
        ),
        test_correct=PackedBits.pack(correct),
        timing=Timing(
            started_at="2030-01-01T00:00:00+00:00",
            wall_s=605.0,
            train_s=600.0,
            throughput_batch_size=64,
            forward_ms=tuple(generator.normal(10 + own / 10, 0.2, size=PASSES).tolist()),
            baseline_forward_ms=tuple(generator.normal(10, 0.2, size=PASSES).tolist()),
        ),
    )


def learning_curve(recipe: Recipe, top1_percent: float, generator: np.random.Generator) -> tuple[Epoch, ...]:
    """A curve that nears an accuracy."""
    epochs = np.arange(1, recipe.epochs + 1)
    wrong_percents = (100 - top1_percent) * (1 + 3 / epochs) + generator.normal(0, 0.3, size=recipe.epochs)
    return tuple(
        Epoch(
            epoch=epoch,
            learning_rate=recipe.learning_rate * (1 - epoch / recipe.epochs),
            train_loss=wrong / 60,
            validation_loss=wrong / 50,
            validation_top1_percent=100 - wrong,
            validation_top5_percent=100 - wrong / 20,
        )
        for epoch, wrong in zip(epochs.tolist(), wrong_percents.clip(0, 100).tolist(), strict=True)
    )


def report_on(store: Path) -> Spent:
    """Run one report in a new process, and wait for what it took.

    Raises:
        AttnBenchError: If the report fails.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "attnbench", "report", str(store)], stdout=subprocess.DEVNULL)
    # A child's peak memory is at least that of its parent, which is why no record is kept here.
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise AttnBenchError(f"attnbench report ended with code {process.returncode}")
    bytes_of_unit = 1 if sys.platform == "darwin" else 1024
    return Spent(wall_s, usage.ru_utime, usage.ru_stime, usage.ru_maxrss * bytes_of_unit / 1e6)


def heading(design: Design, repeats: int, num_bytes: int) -> list[str]:
    """What was done, with what, and how to do it again."""
    command = (
        f"--leaderboards {design.leaderboards} --variants {design.variants} --seeds {design.seeds} "
        f"--images {design.images} --epochs {design.epochs} --repeats {repeats}"
    )
    return [
        "attnbench report on a store of made-up records: time and memory of the whole process",
        "",
        f"python benchmarks/report_scale.py {command}",
        f"Python {platform.python_version()}, numpy {np.__version__}, msgspec {msgspec.__version__}, "
        f"attnbench {attnbench.__version__}; {os.cpu_count()} processors",
        "",
        f"{design.records:,} records of {num_bytes / design.records / 1000:.1f} kB: {design.leaderboards} "
        f"leaderboards, {design.variants} variants, {design.seeds} seeds, {design.images} test images, "
        f"{design.epochs} epochs; {repeats} reports.",
    ]


def table(spent: Sequence[Spent]) -> tuple[list[str], bool]:
    """Minimum, median and maximum of what the processes took, and whether the limits are kept."""
    measured = {
        "wall s": ([one.wall_s for one in spent], MOST_SECONDS),
        "user s": ([one.user_s for one in spent], None),
        "system s": ([one.system_s for one in spent], None),
        "peak memory MB": ([one.peak_megabytes for one in spent], MOST_MEGABYTES),
    }
    lines, kept = [f"{'':<16}{'minimum':>10}{'median':>10}{'maximum':>10}"], True
    for name, (numbers, most) in measured.items():
        digits = 0 if "MB" in name else 2
        middle = statistics.median(numbers)
        line = "".join(f"{number:>10.{digits}f}" for number in (min(numbers), middle, max(numbers)))
        if most is not None:
            kept = kept and middle < most
            line += f"   under {most:.0f}: {'kept' if middle < most else 'NOT KEPT'}"
        lines.append(f"{name:<16}{line}")
    return lines, kept


if __name__ == "__main__":
    sys.exit(main())
