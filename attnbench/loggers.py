"""What a run tells TensorBoard or Weights & Biases while it trains, through Lightning's loggers.

Where a run is logged is no part of its spec: the record is the same with and without. The names of the values are
those of the record. One log a run, ``<variant>-seed<seed>-<digest>``; a run that starts again takes its log over.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attnbench.errors import MissingDependencyError, StoreError
from attnbench.record import Epoch
from attnbench.spec import RunSpec, digest

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

LoggerKind: TypeAlias = Literal["tensorboard", "wandb"]
"""Lightning's loggers that are offered, each by the package that it needs and the extra that installs it."""

_WANDB_PROJECT = "attnbench"


@dataclass(frozen=True, kw_only=True)
class LogTo:
    """Where runs are logged: plain data, which a worker process can be given."""

    kind: LoggerKind
    """TensorBoard or Weights & Biases."""
    folder: Path
    """Folder of the logs; it is made where it is missing."""


def check_logging(log_to: LogTo) -> None:
    """Import the logger's package and make the folder, so that a lack shows before hours of training.

    Raises:
        MissingDependencyError: If the package is not installed.
        StoreError: If the folder cannot be made.
    """
    try:
        import_module(log_to.kind)
    except ImportError as error:
        raise MissingDependencyError(
            f"the logger {log_to.kind} is not installed: pip install attnbench[{log_to.kind}]; "
            f"importing it says: {error}"
        ) from error
    try:
        log_to.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write logs into {log_to.folder}: {error.strerror or error}") from error


def log_name(spec: RunSpec) -> str:
    """The name of a run's log, which is a file's name too.

    >>> log_name(RunSpec(attention="sge:groups=8", backbone="resnet18", data="cifar10", seed=3))[:-16]
    'sge_groups_8-seed3-'
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]+', '_', spec.attention)}-seed{spec.seed}-{digest(spec)}"


@contextmanager
def open_log(log_to: LogTo | None, spec: RunSpec) -> Iterator["Logger | None"]:
    """A logger for one run, which is closed at the end; nothing where no logging is wanted.

    Raises:
        MissingDependencyError: If the package is not installed.
        StoreError: If the folder cannot be made.
    """
    if log_to is None:
        yield None
        return
    check_logging(log_to)
    logger = _tensorboard(log_to, spec) if log_to.kind == "tensorboard" else _wandb(log_to, spec)
    status = "failed"
    try:
        yield logger
        status = "success"
    finally:
        logger.finalize(status)
        if log_to.kind == "wandb":
            # Lightning leaves the run open, and the next one would go on in it.
            logger.experiment.finish(exit_code=int(status == "failed"))  # type: ignore[attr-defined]


def log_epoch(logger: "Logger", point: Epoch) -> None:
    """Log one point of the learning curve; the step is the epoch, counted from 1."""
    values = asdict(point)
    logger.log_metrics(values, step=values.pop("epoch"))


def log_test(logger: "Logger", spec: RunSpec, test: Mapping[str, float]) -> None:
    """Log what the one test gave, beside the settings of the run.

    Args:
        logger: The run's.
        spec: The run.
        test: Values by their names in the record.
    """
    from lightning.pytorch.loggers import TensorBoardLogger

    if isinstance(logger, TensorBoardLogger):
        # TensorBoard's table of hyper-parameters wants settings and results in one.
        logger.log_hyperparams(_settings(spec), dict(test), step=spec.recipe.epochs)
    else:
        logger.log_metrics(dict(test), step=spec.recipe.epochs)


def _tensorboard(log_to: LogTo, spec: RunSpec) -> "Logger":
    from lightning.pytorch.loggers import TensorBoardLogger

    # purge_step: what a run that was cut off left in this folder is not shown any more.
    return TensorBoardLogger(log_to.folder, name=log_name(spec), version="", default_hp_metric=False, purge_step=0)


def _wandb(log_to: LogTo, spec: RunSpec) -> "Logger":
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    run = wandb.init(
        id=digest(spec),
        name=log_name(spec),
        project=os.environ.get("WANDB_PROJECT", _WANDB_PROJECT),
        dir=log_to.folder,
        resume="allow",
        # Nothing leaves the machine unless the user asks for it.
        mode=os.environ.get("WANDB_MODE", "offline"),
        # Its lines would break into the bars of a suite.
        settings=wandb.Settings(silent=True, console="off"),
    )
    # Lightning would do both, but passes a setting that wandb warns of.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    logger = WandbLogger(experiment=run)
    logger.log_hyperparams(_settings(spec))
    return logger


def _settings(spec: RunSpec) -> dict[str, Any]:
    return asdict(spec)
