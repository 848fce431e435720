"""A leaderboard beside the same trainings as a bare loop: in one process, and each in a process of its own."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

import attnbench.run
from attnbench.data.in_memory import InMemoryData
from attnbench.data.loader import TensorLoader
from attnbench.errors import SpecError, TrainingError
from attnbench.executors.in_process import InProcessExecutor
from attnbench.record import Record, Store
from attnbench.run_parts import read_data
from attnbench.spec import SuiteSpec
from attnbench.spec_io import to_yaml
from attnbench.suite import expand, run_suite
from benchmarks.overhead import bare
from benchmarks.overhead.bare import Tensors, Trained
from benchmarks.overhead.spent import Spent, of_call, of_command

PARTS = {
    "count": "operations counted",
    "speed": "speed measured",
    "machine": "machine described",
    "store": "record written",
}
"""What a leaderboard does besides, by name."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """A leaderboard, and the bare loop right before it."""

    bare: Spent
    suite: Spent
    parts_s: dict[str, float]
    """Seconds by the clock that went into what the loop does not do."""
    is_same: bool
    """Whether both validated and tested with equal losses, to the last bit, and answered alike for each image."""


def tensors_of(suite: SuiteSpec) -> Tensors:
    """The images of a suite, as both sides get them.

    Raises:
        SpecError: If they are not held in memory.
    """
    data = read_data(expand(suite)[0])
    if not isinstance(data, InMemoryData):
        raise SpecError(f"the bare loop needs images held in memory; got data={suite.data}")
    loaders = {"train": data.train_dataloader(), "validation": data.val_dataloader(), "test": data.test_dataloader()}
    tensors = {"mean": torch.tensor(data.mean), "std": torch.tensor(data.std)}
    for split, loader in loaders.items():
        assert isinstance(loader, TensorLoader)
        tensors |= {f"{split}_images": loader.images.cpu(), f"{split}_labels": loader.labels.cpu()}
    return tensors


def measure_round(suite: SuiteSpec, tensors: Tensors) -> Round:
    """The bare loop and then the leaderboard, in this process."""
    bare_spent, trained = of_call(lambda: bare.train_all(suite, tensors))
    with tempfile.TemporaryDirectory() as folder, timed_parts() as parts_s:
        store, executor = Store(Path(folder)), InProcessExecutor()
        suite_spent, result = of_call(lambda: run_suite(suite, store, executor=executor, on_finished=_check))
    return Round(bare=bare_spent, suite=suite_spent, parts_s=parts_s, is_same=are_same(result.records, trained))


def are_same(records: tuple[Record, ...], trained: list[Trained]) -> bool:
    """Whether a leaderboard and a bare loop trained the same, to the last bit."""
    return len(records) == len(trained) and all(map(is_same, records, trained))


def is_same(record: Record, trained: Trained) -> bool:
    """Whether a run and a bare training did the same, to the last bit."""
    validation = [
        bare.Scores(
            top1_percent=point.validation_top1_percent,
            top5_percent=point.validation_top5_percent,
            loss=point.validation_loss,
        )
        for point in record.curve
    ]
    values = record.values
    test = bare.Scores(
        top1_percent=values.test_top1_percent, top5_percent=values.test_top5_percent, loss=values.test_loss
    )
    return (record.spec.attention, record.spec.seed, validation, test, record.test_correct.unpack().tolist()) == (
        trained.attention,
        trained.seed,
        trained.validation,
        trained.test,
        trained.test_correct,
    )


@contextmanager
def timed_parts() -> Iterator[dict[str, float]]:
    """Add up the seconds of what a leaderboard does besides, while it runs."""
    seconds = dict.fromkeys(PARTS, 0.0)

    def around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[name] += time.perf_counter() - started

        return timed

    parts = {
        "count": (attnbench.run, "count_macs"),
        "speed": (attnbench.run, "measure_speed"),
        "machine": (attnbench.run, "capture_environment"),
        "store": (Store, "add"),
    }
    with ExitStack() as patches:
        for name, (owner, attribute) in parts.items():
            patches.enter_context(patch.object(owner, attribute, around(name, getattr(owner, attribute))))
        yield seconds


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The same suite in processes of its own, whose start counts: by a script, and by the command line."""

    bare: Spent
    suites: dict[int, Spent]
    """`attnbench leaderboard`, by the number of runs at once."""


def measure_processes(suite: SuiteSpec, tensors: Tensors, workers: tuple[int, ...]) -> Processes:
    """The script, and the command line with each number of workers, one after the other.

    Raises:
        TrainingError: If one of them fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        suite_file, tensors_file = Path(folder) / "suite.yaml", Path(folder) / "tensors.pt"
        suite_file.write_text(to_yaml(suite), encoding="utf-8")
        torch.save(tensors, tensors_file)
        script = [sys.executable, "-m", "benchmarks.overhead.bare", str(suite_file), str(tensors_file)]
        bare_spent = of_command(script)
        suites = {}
        for number in workers:
            words = ["leaderboard", str(suite_file), "--store", f"{folder}/records-{number}", "--workers", str(number)]
            suites[number] = of_command([sys.executable, "-m", "attnbench", *words])
    return Processes(bare=bare_spent, suites=suites)


def warm_up(suite: SuiteSpec, tensors: Tensors) -> None:
    """Run one epoch of both sides, which loads what is loaded once."""
    measure_round(replace(suite, recipe=replace(suite.recipe, epochs=1, warmup_epochs=0.0)), tensors)


def _check(outcome: object) -> None:
    if not isinstance(outcome, Record):
        raise TrainingError(f"{outcome}; there is nothing to compare")
