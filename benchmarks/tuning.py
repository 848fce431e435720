"""What a trial of `attnbench tune` costs over a training loop in plain torch, and where the time goes.

    python benchmarks/tuning.py --output results/tuning.txt

One worker works off a study, and after each of its trials the same training runs as a loop in plain torch,
below: the same data, loader, initial weights, optimizer, schedule, steps and validations, in the same
process. Each ratio is of two times right beside each other; the first pair does not count. That both
trained the same is seen by their learning curves, which must be equal to the last bit. A clock around each
part tells where the time goes; what runs inside another part counts for itself alone.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import lightning
import optuna
import torch
from torch.nn import functional

import attnbench.run_parts
import attnbench.validating
from attnbench.data import build_data
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device, use_threads
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.report.numbers import plural
from attnbench.resuming import KeepCheckpoint
from attnbench.run_parts import build_run_model
from attnbench.space import Choices
from attnbench.spec import Compute, Recipe, RunSpec, SuiteSpec
from attnbench.tasks.classification import learning_rate_factor
from attnbench.tune import worker
from attnbench.tune.objective import results_of
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.storage import sqlite_url, using_storage
from attnbench.tune.study import start_study
from attnbench.tune.worker import Work, work
from attnbench.tune_spec import TuneSpec, grid_size

BACKBONE = "cifar-resnet:bottleneck=true,depth=11,stem_stride=2,width=16,zero_init_last=false"
DATA = "cluttered-digits:train_images=4000,validation_images=1000"
SPACE = {
    "groups": Choices((2, 4, 8)),
    "gate_scale_init": Choices((0.0, 0.5, 1.0)),
    "normalize": Choices((True, False)),
}
PACKAGES = ("torch", "lightning", "optuna")
PARTS = {
    "data": "data",
    "build": "model built",
    "train": "training, by Lightning",
    "state": "state kept after each epoch",
    "count": "multiply-accumulates counted",
    "storage": "storage, sampler, heartbeat",
    "rest": "the rest of a trial",
}


class Clock:
    """Adds up the time of each part; while a part runs inside another, the other's stands still."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self._inside: list[str] = []
        self._since = 0.0

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what runs under it."""
        self._turn()
        self._inside.append(name)
        try:
            yield
        finally:
            self._turn()
            self._inside.pop()

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return function(*args, **kwargs)

        return counted

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._inside:
            self.seconds[self._inside[-1]] += now - self._since
        self._since = now


@dataclass(frozen=True)
class Pair:
    """Seconds by part of a trial, and of the bare loop beside it."""

    suite: dict[str, float]
    bare: dict[str, float]
    same_curve: bool

    @property
    def ratio(self) -> float:
        """The trial's time over the bare loop's."""
        return sum(self.suite.values()) / sum(self.bare.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write, and fail if the two trainings were not the same."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=10, help="trials with a bare loop beside them")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--backbone", default=BACKBONE)
    parser.add_argument("--data", default=DATA)
    parser.add_argument("--output", type=Path, help="text file")
    options = parser.parse_args(arguments)
    spec = make_tune_spec(options)
    if not 2 <= options.repeats < grid_size(spec.space):
        parser.error(f"2 to {grid_size(spec.space) - 1} repeats; got --repeats {options.repeats}")
    before, load_before = take_reading(), os.getloadavg()[0]
    pairs = measure_pairs(spec, options.repeats)
    others = machine_load(before, resolve_device(spec.run.compute)).other_processors
    text = "\n".join([*heading(options, spec, load_before, others), "", *table(pairs), "", *verdict(pairs)]) + "\n"
    print(text, end="")
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    return 0 if all(pair.same_curve for pair in pairs) else 1


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


def measure_pairs(spec: TuneSpec, repeats: int) -> list[Pair]:
    """Trials of one worker, each with the bare loop after it; the first pair, which makes the data, is left out."""
    pairs: list[Pair] = []
    clocks: list[Clock] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as patches:
        url = sqlite_url(Path(folder) / "study.db")
        storage = patches.enter_context(using_storage(url, heartbeat_s=5))
        study = start_study(storage, "study", spec)
        outside = ExitStack()
        patches.push(outside)

        def between_trials() -> None:
            if clocks:
                outside.close()
                trial = study.trials[-1]
                run = replace(spec.run, attention=trial.user_attrs["attention"], seed=spec.seeds[0])
                bare = Clock()
                curve = train_bare(run, bare)
                same = curve == list(results_of(trial)[0].curve)
                pairs.append(Pair(clocks[-1].seconds, bare.seconds, same))
            clocks.append(Clock())
            outside.enter_context(clocked(clocks[-1]))

        task = Work(storage=url, study="study", num_trials=repeats + 1, checkpoints=Path(folder))
        work(task, on_ended=between_trials)
    return pairs[1:]


@contextmanager
def clocked(clock: Clock) -> Iterator[None]:
    """Count the parts of the trials that run meanwhile; what is outside of a trial is the storage's."""
    parts = [
        (worker, "try_settings", "rest"),
        (attnbench.validating, "read_data", "data"),
        (attnbench.validating, "build_run_model", "build"),
        (attnbench.validating, "count_macs", "count"),
        (attnbench.run_parts, "fit", "train"),
        (KeepCheckpoint, "on_train_epoch_end", "state"),
        (optuna.trial.Trial, "report", "storage"),
        (optuna.trial.Trial, "set_user_attr", "storage"),
    ]
    with ExitStack() as patches:
        for owner, name, part in parts:
            patches.enter_context(patch.object(owner, name, clock.around(part, getattr(owner, name))))
        with clock.part("storage"):
            yield


def train_bare(run: RunSpec, clock: Clock) -> list[float]:
    """Train a run in plain torch, and return its learning curve: validation top-1 after each epoch, percent."""
    recipe, device = run.recipe, resolve_device(run.compute)
    with use_threads(run.compute.threads):
        with clock.part("data"):
            data = build_data(run.data, root=run.root, recipe=recipe, seed=run.seed, device=device)
            data.prepare_data()
            data.setup("fit")
        with clock.part("build"):
            model = build_run_model(run, run.attention, data).model.to(device, memory_format=torch.channels_last)
        with clock.part("train"):
            lightning.seed_everything(run.seed, verbose=False)
            torch.use_deterministic_algorithms(run.compute.deterministic)
            loader, validation = data.train_dataloader(), data.val_dataloader()
            optimizer = torch.optim.SGD(
                model.parameters(),
                lr=recipe.learning_rate,
                momentum=recipe.momentum,
                nesterov=recipe.nesterov,
                weight_decay=recipe.weight_decay,
            )
            schedule = torch.optim.lr_scheduler.LambdaLR(
                optimizer, lambda step: learning_rate_factor(recipe, step / len(loader))
            )
            curve = []
            for epoch in range(recipe.epochs):
                model.train()
                loader.set_epoch(epoch)
                for images, labels in loader:
                    optimizer.zero_grad()
                    loss = functional.cross_entropy(model(images), labels, label_smoothing=recipe.label_smoothing)
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    schedule.step()
                model.eval()
                with torch.inference_mode():
                    correct = sum((model(images).argmax(1) == labels).sum() for images, labels in validation)
                # As torchmetrics divides, in float32.
                curve.append(100 * float(correct / validation.num_images))
    return curve


def heading(
    options: argparse.Namespace, spec: TuneSpec, load_before: float, other_processors: float | None
) -> list[str]:
    """What was measured, where, beside what else, and how to measure it again."""
    environment = capture_environment(spec.run.compute)
    versions = [f"Python {environment.python}", *(f"{name} {version(name)}" for name in PACKAGES)]
    versions.append(f"attnbench {environment.attnbench} ({environment.git_revision or 'installed'})")
    others = "an unknown number of" if other_processors is None else f"{other_processors:.2f}"
    return [
        "What a trial of attnbench tune costs over a training loop in plain torch",
        "",
        f"python benchmarks/tuning.py --repeats {options.repeats} --epochs {options.epochs} "
        f"--backbone {options.backbone} --data {options.data}",
        f"{environment.platform}, {environment.processor}, {os.cpu_count()} processors, 1 thread a trial",
        ", ".join(versions),
        f"load average {load_before:.2f} before and {os.getloadavg()[0]:.2f} after; other programs kept {others} "
        "processors busy on average",
        "",
        f"Medians of {plural(options.repeats, 'trial')} in seconds, in brackets the smallest and the largest.",
    ]


def table(pairs: Sequence[Pair]) -> list[str]:
    """Seconds of each part, and their sum."""
    lines = [f"{'':<32}{'bare loop':>23}{'attnbench':>23}{'difference':>23}"]
    for name, label in {**PARTS, None: "whole"}.items():
        bare, suite = ([sum(of.values()) if name is None else of[name] for of in side] for side in sides_of(pairs))
        differences = [after - before for before, after in zip(bare, suite, strict=True)]
        lines.append(f"{label:<32}" + "".join(f"{spread(numbers):>23}" for numbers in (bare, suite, differences)))
    return lines


def sides_of(pairs: Sequence[Pair]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """The bare loops' seconds, and the trials'."""
    return [pair.bare for pair in pairs], [pair.suite for pair in pairs]


def verdict(pairs: Sequence[Pair]) -> list[str]:
    """The ratio, and whether it compares like with like."""
    num_same = sum(pair.same_curve for pair in pairs)
    return [
        f"A trial takes {spread([pair.ratio for pair in pairs])} times as long as the bare loop beside it.",
        f"{num_same} of {len(pairs)} learning curves are equal to the bare loop's to the last bit.",
    ]


def spread(numbers: Sequence[float]) -> str:
    """Median, smallest and largest.

    >>> spread([3.0, 1.0, 2.0])
    '2.00 [1.00 … 3.00]'
    """
    median, low, high = (f"{number:.2f}" for number in (statistics.median(numbers), min(numbers), max(numbers)))
    return f"{median} [{low} … {high}]"


if __name__ == "__main__":
    sys.exit(main())
