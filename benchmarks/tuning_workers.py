"""How many trials an hour one worker of `attnbench tune` ends, and how many two.

    python benchmarks/tuning_workers.py --output results/tuning-workers.txt

The same study is worked off by one worker and by two, in turn, each in a process of its own. Its sampler is
the grid and it has no pruner, so that both train exactly the same trials. The whole time holds the start of
the processes; the time at work begins with the first trial, and is what counts in a long study. Each ratio
is of two searches right after each other.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from attnbench.environment import capture_environment
from attnbench.errors import TrainingError
from attnbench.hardware import resolve_device
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.report.numbers import plural
from attnbench.space import Choices
from attnbench.spec import Compute, Recipe, SuiteSpec
from attnbench.tune.pool import run_workers
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.storage import sqlite_url, using_storage
from attnbench.tune.study import start_study
from attnbench.tune.worker import Work
from attnbench.tune_spec import TuneSpec, grid_size

BACKBONE = "cifar-resnet:bottleneck=true,depth=11,stem_stride=2,width=16,zero_init_last=false"
DATA = "cluttered-digits:train_images=4000,validation_images=1000"
SPACE = {"groups": Choices((2, 4, 8)), "normalize": Choices((True, False)), "gate_scale_init": Choices((0.0, 1.0))}
PACKAGES = ("torch", "lightning", "optuna")
NUM_WORKERS = (1, 2)


@dataclass(frozen=True)
class Searched:
    """A study that was worked off."""

    num_workers: int
    num_trials: int
    whole_s: float
    at_work_s: float

    @property
    def trials_an_hour(self) -> float:
        """Without the start of the processes."""
        return 3600 * self.num_trials / self.at_work_s

    @property
    def trials_an_hour_with_start(self) -> float:
        """With it."""
        return 3600 * self.num_trials / self.whole_s


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="searches by each number of workers, at least 2")
    parser.add_argument("--trials", type=int, default=8, help="of each search, an even number")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--backbone", default=BACKBONE)
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--output", type=Path, help="text file")
    options = parser.parse_args(arguments)
    spec = make_tune_spec(options)
    most = grid_size(spec.space)
    if options.repeats < 2 or not 2 <= options.trials <= most or options.trials % 2:
        parser.error(f"at least 2 repeats, and an even number of trials from 2 to {most}")
    before, load_before = take_reading(), os.getloadavg()[0]
    searches = [
        measure(spec, num_workers, options.trials) for _ in range(options.repeats) for num_workers in NUM_WORKERS
    ]
    others = machine_load(before, resolve_device(spec.run.compute)).other_processors
    lines = [*heading(options, spec, load_before, others), "", *table(searches), "", *verdict(searches)]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    return 0


def make_tune_spec(options: argparse.Namespace) -> TuneSpec:
    """A grid over SGE's settings, on one seed and one CPU thread a trial."""
    suite = SuiteSpec(
        attention=("sge",),
        backbone=options.backbone,
        data=options.data,
        recipe=Recipe(epochs=options.epochs, batch_size=64, learning_rate=0.05),
        compute=Compute(device="cpu"),
    )
    return make_spec(suite, "sge", Search(space=SPACE, sampler="grid", pruner="none"))


def measure(spec: TuneSpec, num_workers: int, num_trials: int) -> Searched:
    """Work off a new study with so many workers, each in a process of its own.

    Raises:
        TrainingError: If a trial fails or a worker dies, since less work is no measurement.
    """

    def fail(how: str) -> None:
        raise TrainingError(f"{how}; there is nothing to compare")

    with tempfile.TemporaryDirectory() as folder:
        url = sqlite_url(Path(folder) / "study.db")
        with using_storage(url, heartbeat_s=5) as storage:
            study = start_study(storage, "study", spec)
            task = Work(storage=url, study="study", num_trials=num_trials, checkpoints=Path(folder))
            started = time.perf_counter()
            run_workers(task, num_workers, spec=spec, on_poll=lambda: len(study.trials), on_death=fail)
            whole_s = time.perf_counter() - started
            trials = study.trials
    if len(trials) != num_trials or any(trial.values is None for trial in trials):
        fail(f"not each of {plural(num_trials, 'trial')} is complete")
    begun = min(trial.datetime_start for trial in trials if trial.datetime_start is not None)
    ended = max(trial.datetime_complete for trial in trials if trial.datetime_complete is not None)
    return Searched(num_workers, num_trials, whole_s, (ended - begun).total_seconds())


def heading(
    options: argparse.Namespace, spec: TuneSpec, load_before: float, other_processors: float | None
) -> list[str]:
    """What was measured, where, beside what else, and how to measure it again."""
    environment = capture_environment(spec.run.compute)
    versions = [f"Python {environment.python}", *(f"{name} {version(name)}" for name in PACKAGES)]
    versions.append(f"attnbench {environment.attnbench} ({environment.git_revision or 'installed'})")
    others = "an unknown number of" if other_processors is None else f"{other_processors:.2f}"
    return [
        "Trials an hour of attnbench tune, by one worker and by two",
        "",
        f"python benchmarks/tuning_workers.py --repeats {options.repeats} --trials {options.trials} "
        f"--epochs {options.epochs} --backbone {options.backbone} --data {options.data}",
        f"{environment.platform}, {environment.processor}, {os.cpu_count()} processors, 1 thread a trial",
        ", ".join(versions),
        f"load average {load_before:.2f} before and {os.getloadavg()[0]:.2f} after; other programs kept {others} "
        "processors busy on average",
        "",
        f"Medians of {options.repeats} searches each, in brackets the smallest and the largest.",
    ]


def table(searches: Sequence[Searched]) -> list[str]:
    """Trials an hour by number of workers, and how long nothing is trained."""
    lines = [f"{'workers':<10}{'trials an hour at work':>26}{'with the start':>26}{'start and end s':>26}"]
    for num_workers in NUM_WORKERS:
        of = [search for search in searches if search.num_workers == num_workers]
        cells = [
            spread([search.trials_an_hour for search in of], digits=0),
            spread([search.trials_an_hour_with_start for search in of], digits=0),
            spread([search.whole_s - search.at_work_s for search in of], digits=1),
        ]
        lines.append(f"{num_workers:<10}" + "".join(f"{cell:>26}" for cell in cells))
    return lines


def verdict(searches: Sequence[Searched]) -> list[str]:
    """What the second worker brings, at work and with the start of the processes."""
    pairs = list(zip(searches[::2], searches[1::2], strict=True))
    at_work = spread([two.trials_an_hour / one.trials_an_hour for one, two in pairs])
    with_start = spread([two.trials_an_hour_with_start / one.trials_an_hour_with_start for one, two in pairs])
    return [
        f"Two workers end {at_work} times the trials an hour of one at work,",
        f"and {with_start} times with the start of the processes.",
    ]


def spread(numbers: Sequence[float], *, digits: int = 2) -> str:
    """Median, smallest and largest.

    >>> spread([3.0, 1.0, 2.0], digits=1)
    '2.0 [1.0 … 3.0]'
    """
    median, low, high = (f"{number:.{digits}f}" for number in (statistics.median(numbers), min(numbers), max(numbers)))
    return f"{median} [{low} … {high}]"


if __name__ == "__main__":
    sys.exit(main())
