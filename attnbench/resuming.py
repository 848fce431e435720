"""A training that is cut off goes on from its last whole epoch, to the same result."""

import contextlib
import logging
import os
import socket
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import lightning
import torch
from lightning.fabric.plugins.io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback

from attnbench.errors import StoreError
from attnbench.ranks import from_leader, gathered, leads, this_share

LAYOUT = 1
"""Version of what a state holds. A change raises it, and trainings that were cut off before start anew."""


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """Where the state of an unfinished training is kept."""

    path: Path
    """The file."""
    digest: str
    """Digest of the run; no training goes on from the state of another."""

    def found(self) -> dict[str, Any] | None:
        """The state to go on from; none where there is none.

        One that does not fit is put aside, as the user is told: a run must not end on it each time it starts.

        Raises:
            StoreError: If it cannot be put aside.
        """
        try:
            with self.path.open("rb") as file:
                content, fault = self._read(file)
        except FileNotFoundError:  # none yet; or another process has ended the same run, and removed it
            return None
        except OSError as error:
            content, fault = None, f"cannot be read ({error.strerror or error})"
        if fault is None:
            return content
        aside = self.path.with_suffix(".damaged")
        try:
            os.replace(self.path, aside)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"cannot put the state {self.path} aside: {error.strerror or error}") from error
        # Without further settings, Python prints the sentence on standard error.
        logging.getLogger(__name__).warning(
            "the run %s starts anew: its state %s %s; it is put aside as %s", self.digest, self.path, fault, aside.name
        )
        return None

    def _read(self, file: BinaryIO) -> tuple[dict[str, Any] | None, str | None]:
        """What the file holds, and what is wrong with it, if anything."""
        try:
            with zipfile.ZipFile(file) as archive:
                if archive.testzip() is not None:  # torch reads flipped bits as if they were weights
                    return None, "is damaged"
            file.seek(0)
            content = torch.load(file, map_location="cpu", weights_only=True)  # code in a state is never run
        except Exception:  # a file that is torn or of something else may raise anything
            return None, "is torn, or not one of attnbench's"
        callbacks = content.get("callbacks") if isinstance(content, Mapping) else None
        kept = callbacks.get(KeepCheckpoint.__qualname__) if isinstance(callbacks, Mapping) else None
        if not isinstance(kept, Mapping) or kept.get("layout") != LAYOUT:
            return None, "is of another version of attnbench"
        return content, None if kept.get("digest") == self.digest else "is of another run"


def fit_resumed(
    trainer: lightning.Trainer,
    task: lightning.LightningModule,
    data: lightning.LightningDataModule,
    state: StateFile | None,
) -> None:
    """Train, from the state that is found, if any.

    Args:
        trainer: What trains.
        task: What is trained.
        data: The data set.
        state: Where the state is looked for; none trains from the start.
    """
    # The file may be replaced or removed at any moment, by a process that is at the same run: it is read once, and
    # all ranks go on from the same epoch.
    content = from_leader(state.found) if state else None
    if content is None or state is None:
        trainer.fit(task, datamodule=data)
        return
    trainer.strategy.checkpoint_io = _AlreadyRead(content)
    trainer.fit(task, datamodule=data, ckpt_path=state.path)


class _AlreadyRead(TorchCheckpointIO):
    """Gives Lightning a state that was read before, once."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = [content]

    def load_checkpoint(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What was read."""
        return self._content.pop()


class KeepCheckpoint(Callback):
    """Keeps the whole state of a training after each epoch: weights, optimizer, loaders, callbacks and generators.

    Order and augmentation are functions of the seed and the epoch, so a generator matters only to what a model draws
    itself, such as dropout.
    """

    def __init__(self, state: StateFile | None) -> None:
        """Remember where.

        Args:
            state: The checkpoint; it is replaced as a whole, so that a kill at any moment leaves a readable one. None
                keeps none, and only the time is taken.
        """
        self.state = state
        self.earlier_s = 0.0
        self._started = time.perf_counter()
        self._generators: Mapping[str, Any] | None = None
        self._is_told = False

    @property
    def train_s(self) -> float:
        """Seconds of the training so far, those before it was cut off among them, but for epochs that were lost."""
        return self.earlier_s + time.perf_counter() - self._started

    def state_dict(self) -> dict[str, Any]:
        """Whose state it is, the seconds so far, and the state of torch's global generators in every rank."""
        on_gpu = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {
            "layout": LAYOUT,
            "digest": self.state and self.state.digest,
            "train_s": self.train_s,
            "generators": gathered({"cpu": torch.get_rng_state(), "cuda": on_gpu}),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Count on from the seconds before, and remember the state of this rank's generators until training begins."""
        self.earlier_s = state_dict["train_s"]
        self._generators = state_dict["generators"][this_share().index]

    def setup(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, stage: str) -> None:
        """Begin to take the time."""
        self._started = time.perf_counter()

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Give the generators the state of the checkpoint, in the first epoch after it."""
        if self._generators is None:
            return
        torch.set_rng_state(self._generators["cpu"].cpu())
        # The machine that goes on may have fewer GPUs, or none.
        for device, generator in zip(range(torch.cuda.device_count()), self._generators["cuda"], strict=False):
            torch.cuda.set_rng_state(generator.cpu(), device)
        self._generators = None

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Save, after the epoch's validation."""
        if self.state is None:
            return
        path = self.state.path
        # A name of its own: two processes may train the same for a while, when one is taken for dead.
        unfinished = path.with_name(f"{path.name}.{socket.gethostname()}-{os.getpid()}")
        if leads():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                self._go_without(unfinished, error)
        try:
            trainer.save_checkpoint(unfinished)  # every rank, whatever befell the first
        except OSError as error:
            trainer.strategy.barrier()  # at which the other ranks wait
            # Where the folder is gone, another process has ended its run and found the folder empty.
            if not isinstance(error, FileNotFoundError):
                self._go_without(unfinished, error)
            return
        if not leads():
            return
        try:
            with unfinished.open("rb") as saved:
                os.fsync(saved.fileno())  # or a power cut could leave the name without the content
            os.replace(unfinished, path)
        except FileNotFoundError:
            pass  # another process has ended the same run, and removed what was being written
        except OSError as error:
            self._go_without(unfinished, error)

    def _go_without(self, unfinished: Path, error: OSError) -> None:
        """A full disk must not cost the run: it goes on, and could only not be resumed."""
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if not self._is_told:
            self._is_told = True
            logging.getLogger(__name__).warning(
                "cannot keep the state of a training in %s: %s; it goes on, and if it is cut off it starts anew",
                unfinished.parent,
                error.strerror or error,
            )


def remove_state(file: Path) -> None:
    """Remove a state, and what a process that was killed in writing it has left."""
    for left in (file, *file.parent.glob(f"{file.name}.*")):
        left.unlink(missing_ok=True)


def save_trained(trainer: lightning.Trainer, checkpoint: Path) -> None:
    """Save the weights as a Lightning checkpoint; every rank calls it.

    Args:
        trainer: What has trained them.
        checkpoint: The file; it has another name until it is whole, since one that is there is taken for trained.

    Raises:
        StoreError: If it cannot be written.
    """
    unfinished = checkpoint.with_name(f".{checkpoint.name}.tmp")
    try:
        trainer.save_checkpoint(unfinished, weights_only=True)
        if leads():
            unfinished.replace(checkpoint)
    except OSError as error:
        raise StoreError(f"cannot write the checkpoint {checkpoint}: {error.strerror or error}") from error
