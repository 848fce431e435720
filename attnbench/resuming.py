"""A training that is cut off goes on from its last whole epoch, to the same result."""

import os
import zipfile
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from attnbench.ranks import gathered, leads, this_share


def is_whole(state: Path) -> bool:
    """Whether there is a state that can be read to its end; torch writes its list of contents last."""
    return zipfile.is_zipfile(state)


class KeepCheckpoint(Callback):
    """Keeps the whole state of a training after each epoch: weights, optimizer, loaders, callbacks and generators.

    Order and augmentation are functions of the seed and the epoch, so a generator matters only to what a model draws
    itself, such as dropout.
    """

    def __init__(self, path: Path) -> None:
        """Remember where.

        Args:
            path: The checkpoint; it is replaced as a whole, so that a kill at any moment leaves a readable one.
        """
        self.path = path
        self._generators: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """The state of torch's global generators, in every rank."""
        on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        leaders, *others = gathered({"cpu": torch.get_rng_state(), "cuda": on_gpu})
        return {**leaders, "others": others}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Remember the state of this rank's generators until training begins."""
        self._generators = [state_dict, *state_dict.get("others", ())][this_share().index]

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Give the generators the state of the checkpoint, in the first epoch after it."""
        if self._generators is None:
            return
        torch.set_rng_state(self._generators["cpu"].cpu())
        if self._generators["cuda"]:
            torch.cuda.set_rng_state_all([state.cpu() for state in self._generators["cuda"]])
        self._generators = None

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save, after the epoch's validation."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: two processes may train the same for a while, when one is taken for dead.
        unfinished = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        trainer.save_checkpoint(unfinished)
        if not leads():
            return
        with unfinished.open("rb") as saved:
            os.fsync(saved.fileno())  # or a power cut could leave the name without the content
        os.replace(unfinished, self.path)
