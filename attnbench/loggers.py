"""What a run tells TensorBoard or Weights & Biases while it trains, through Lightning's loggers.

Where a run is logged is no part of its spec: the record is the same with and without. The names of the values are
those of the record, and what lies within a part of it is called by both: ``validation/ap_percent``. One log a run,
``<variant>-seed<seed>-<digest>``, with a detector's name in front; a run that starts again takes its log over.
A logger that fails, on a full disk or without its network, loses its log and never the run.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attnbench.detection_record import DetectionEpoch
from attnbench.detection_spec import DetectionRun, detection_digest
from attnbench.errors import MissingDependencyError, StoreError
from attnbench.record import Epoch
from attnbench.spec import RunSpec, digest
from attnbench.variant import Variant

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

LoggerKind: TypeAlias = Literal["tensorboard", "wandb"]
"""Lightning's loggers that are offered, each by the package that it needs and the extra that installs it."""

LoggedSpec: TypeAlias = RunSpec | DetectionRun
"""What is logged: a run of classification or of detection."""

_WANDB_PROJECT = "attnbench"


@dataclass(frozen=True, kw_only=True)
class LogTo:
    """Where runs are logged: plain data, which a worker process can be given."""

    kind: LoggerKind
    """TensorBoard or Weights & Biases."""
    folder: Path
    """Folder of the logs; it is made where it is missing."""


@dataclass(kw_only=True)
class RunLog:
    """The log of one run."""

    name: str
    """Its name; see `log_name`."""
    logger: "Logger | None" = None
    """Lightning's logger; none where it could not be made."""
    is_given_up: bool = False
    """Whether the logger has failed, and nothing more is logged."""


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


def log_name(spec: LoggedSpec) -> str:
    """The name of a run's log, which is a file's name too.

    >>> log_name(RunSpec(attention="sge:groups=8", backbone="resnet18", data="cifar10", seed=3))[:-16]
    'sge_groups_8-seed3-'
    >>> log_name(DetectionRun(detector="retinanet:anchor_size=16", attention="se", backbone="a", data="b"))[:-16]
    'retinanet-se-seed0-'
    """
    detector = f"{Variant.parse(spec.detector).name}-" if isinstance(spec, DetectionRun) else ""
    return f"{detector}{re.sub(r'[^A-Za-z0-9.-]+', '_', spec.attention)}-seed{spec.seed}-{_digest(spec)}"


@contextmanager
def open_log(log_to: LogTo | None, spec: LoggedSpec) -> Iterator[RunLog | None]:
    """A log for one run, which is closed at the end; nothing where no logging is wanted.

    Once the package is found and the folder made, no exception of the logger ends the run: the log is given up.

    Raises:
        MissingDependencyError: If the package is not installed.
        StoreError: If the folder cannot be made.
    """
    if log_to is None:
        yield None
        return
    check_logging(log_to)
    log = RunLog(name=log_name(spec))
    with _given_up_where_it_fails(log):
        log.logger = _tensorboard(log_to, spec) if log_to.kind == "tensorboard" else _wandb(log_to, spec)
    status = "failed"
    try:
        yield log
        status = "success"
    finally:
        # A log that was given up is closed too, as far as it can be, but without writing more into it.
        if log.logger is not None:
            with _given_up_where_it_fails(log):
                log.logger.finalize("failed" if log.is_given_up else status)
            if log_to.kind == "wandb":
                with _given_up_where_it_fails(log):
                    # Lightning leaves the run open, and the next one would go on in it.
                    log.logger.experiment.finish(exit_code=int(status == "failed"))  # type: ignore[attr-defined]


def log_epoch(log: RunLog, point: Epoch | DetectionEpoch) -> None:
    """Log one point of the learning curve; the step is the epoch, counted from 1."""
    if log.logger is None or log.is_given_up:
        return
    values = _flat(asdict(point))
    with _given_up_where_it_fails(log):
        log.logger.log_metrics(values, step=int(values.pop("epoch")))


def log_test(log: RunLog, spec: LoggedSpec, test: Mapping[str, Any]) -> None:
    """Log what the one test gave, beside the settings of the run.

    Args:
        log: The run's.
        spec: The run.
        test: Values by their names in the record, or parts of it with their values; none is left out.
    """
    from lightning.pytorch.loggers import TensorBoardLogger

    if log.logger is None or log.is_given_up:
        return
    values = _flat(test)
    with _given_up_where_it_fails(log):
        if isinstance(log.logger, TensorBoardLogger):
            # TensorBoard's table of hyper-parameters wants settings and results in one.
            log.logger.log_hyperparams(_settings(spec), values, step=spec.recipe.epochs)
        else:
            log.logger.log_metrics(values, step=spec.recipe.epochs)


@contextmanager
def _given_up_where_it_fails(log: RunLog) -> Iterator[None]:
    """Let the run go on after an exception of its logger, and say so at the first."""
    try:
        yield
    except Exception as error:  # whatever it is, hours of training are worth more than their log
        while error.__cause__ is not None:  # Lightning hides a full disk behind what it takes for the user's mistake
            error = error.__cause__  # type: ignore[assignment]
        if not log.is_given_up:
            # Without further settings, Python prints the sentence on standard error.
            logging.getLogger(__name__).warning(
                "the log %s ends here, and its run goes on without: %s: %s",
                log.name,
                type(error).__name__,
                " ".join(str(error).split()),
            )
        log.is_given_up = True


def _flat(values: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by their names, with the name of the part that they lie in before a slash, as the loggers group them.

    >>> _flat({"epoch": 1, "train_losses": {"loss_classifier": 0.5}, "validation": None})
    {'epoch': 1, 'train_losses/loss_classifier': 0.5}
    """
    found = dict[str, float]()
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{inner}": number for inner, number in _flat(value).items()}
        elif value is not None:
            found[name] = value
    return found


def _tensorboard(log_to: LogTo, spec: LoggedSpec) -> "Logger":
    from lightning.pytorch.loggers import TensorBoardLogger

    # purge_step: what a run that was cut off left in this folder is not shown any more.
    return TensorBoardLogger(log_to.folder, name=log_name(spec), version="", default_hp_metric=False, purge_step=0)


def _wandb(log_to: LogTo, spec: LoggedSpec) -> "Logger":
    import wandb
    from lightning.pytorch.loggers import WandbLogger

    run = wandb.init(
        id=_digest(spec),
        name=log_name(spec),
        project=os.environ.get("WANDB_PROJECT", _WANDB_PROJECT),
        dir=str(log_to.folder),
        resume="allow",
        # Nothing leaves the machine unless the user asks for it.
        mode=os.environ.get("WANDB_MODE", "offline"),
        # Its lines would break into the bars of a suite.
        settings=wandb.Settings(silent=True, console="off"),
    )
    try:
        # Lightning would do both, but passes a setting that wandb warns of.
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
        logger = WandbLogger(experiment=run)
        logger.log_hyperparams(_settings(spec))
    except Exception:
        # The next run would go on in this one.
        run.finish(exit_code=1)
        raise
    return logger


def _settings(spec: LoggedSpec) -> dict[str, Any]:
    return asdict(spec)


def _digest(spec: LoggedSpec) -> str:
    return detection_digest(spec) if isinstance(spec, DetectionRun) else digest(spec)
