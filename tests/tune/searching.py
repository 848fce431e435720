"""A search as a command of its own, to be killed: `python -m tests.tune.searching URL STUDY FOLDER …`."""

import argparse
import sys
from pathlib import Path

from attnbench.tune.session import search
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.storage import open_storage
from attnbench.tune.study import start_study
from attnbench.tune.worker import Work
from attnbench.tune_spec import TuneSpec
from tests.tiny import tiny_suite

EPOCHS = 5

PLUGIN = '''
import os, time
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

import attnbench
from attnbench.space import SearchSpace

STEPS = Path(__file__).parent / "steps"


@attnbench.register_attention("counting", placement="block")
class Counting(nn.Module):
    """Writes a byte at each training step that it sees, to a file of its setting and process, and takes its time.

    No two trials of a study draw one mark, as two rounded numbers may.
    """

    search_space: ClassVar[SearchSpace] = {"mark": attnbench.Integers(0, 10**9)}

    def __init__(self, channels: int, *, mark: int = 0) -> None:
        super().__init__()
        self.mark = mark
        self.weight = nn.Parameter(torch.tensor(0.5 + mark / 10**9))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and torch.is_grad_enabled():
            STEPS.mkdir(exist_ok=True)
            with (STEPS / f"{self.mark}-{os.getpid()}").open("ab") as file:
                file.write(b".")
            time.sleep(float(os.environ.get("SLOW", "0")))
        return x * self.weight
'''


def counting_spec(folder: Path) -> TuneSpec:
    """A study of a module that counts its steps; its file lies in the folder."""
    file = folder / "counting.py"
    if not file.exists():
        file.write_text(PLUGIN)
    return make_spec(
        tiny_suite(epochs=EPOCHS, imports=(str(file),)), "counting", Search(sampler="random", pruner="none")
    )


def main() -> int:
    """Search, and print the number of each trial that ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("study")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--deadline", type=float, help="by the monotonic clock")
    options = parser.parse_args()
    spec = counting_spec(options.folder)
    study = start_study(open_storage(options.url, heartbeat_s=1), options.study, spec)
    task = Work(
        storage=options.url,
        study=options.study,
        num_trials=options.trials,
        checkpoints=options.folder / "checkpoints",
        deadline=options.deadline,
        heartbeat_s=1,
    )
    try:
        search(
            study,
            spec,
            task,
            num_workers=options.workers,
            on_trial=lambda trial: print(trial.number, flush=True),
            on_death=lambda how: print(how, file=sys.stderr, flush=True),
        )
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
