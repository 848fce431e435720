"""Every error that attnbench raises on purpose.

    AttnBenchError
    ├── SpecError                 a spec, a setting or an option is not valid
    ├── RegistryError
    │   ├── UnknownNameError      no such attention module, backbone, data set, preset
    │   └── DuplicateNameError    the name is taken
    ├── PluginError               a user's module cannot be imported
    ├── MissingDependencyError    an optional package is not installed
    ├── DataError                 a data set is missing or damaged
    ├── ModelError
    │   ├── PlacementError        this backbone has no place for this attention module
    │   ├── ContractError         an attention module breaks the plug-in contract
    │   └── CheckpointError       weights cannot be read, or do not fit the model
    ├── MeasurementError          a measurement cannot be made
    │   └── RowError              a row cannot be timed
    │       └── DeviceMemoryError     its step does not fit into the device's memory
    ├── ExecutorError             runs cannot be handed to a Ray cluster or to SLURM
    ├── TrainingError
    │   ├── DivergedError         a loss stopped being finite
    │   ├── RunTimeoutError       a run took longer than it may
    │   └── WorkerDiedError       the processes that a run was in died
    └── StoreError
        └── RecordError           a record is damaged, or of an unknown schema

The command line prints the message of an `AttnBenchError` as one sentence and
exits with code 2, so a message says what was wrong, what was given and what is
allowed. `assert` is for our own mistakes.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attnbench.detection_record import DetectionEpoch
    from attnbench.diverged_record import AnyDivergedRun, NotFinite
    from attnbench.record import Epoch


class AttnBenchError(Exception):
    """Base class of every error that attnbench raises on purpose."""


class SpecError(AttnBenchError, ValueError):
    """A spec, a variant's setting or an option is not valid."""


class RegistryError(AttnBenchError):
    """A name cannot be looked up or registered."""


class UnknownNameError(RegistryError, LookupError):
    """No object of that kind has this name."""


class DuplicateNameError(RegistryError):
    """The name is already taken by another object."""


class PluginError(AttnBenchError, ImportError):
    """A user's module cannot be found or imported."""


class MissingDependencyError(AttnBenchError, ImportError):
    """An optional package is needed and not installed."""


class DataError(AttnBenchError):
    """A data set is missing, incomplete or damaged."""


class ModelError(AttnBenchError):
    """A model cannot be built."""


class PlacementError(ModelError):
    """The backbone has no place for this attention module."""


class ContractError(ModelError):
    """An attention module breaks the plug-in contract, for example by its output's shape."""


class CheckpointError(ModelError):
    """Weights cannot be read or written, or do not fit the model."""


class MeasurementError(AttnBenchError):
    """A measurement cannot be made, for example because the baseline fails."""


class RowError(MeasurementError):
    """A row cannot be timed, and the others not without it.

    Args:
        message: What failed.
        row: Label of the row.
    """

    def __init__(self, message: str, *, row: str) -> None:
        super().__init__(message)
        self.row = row


class DeviceMemoryError(RowError):
    """A row's step does not fit into the device's memory; a smaller batch, for all rows alike, may."""


class ExecutorError(AttnBenchError):
    """Runs cannot be handed to a Ray cluster or to SLURM."""


class TrainingError(AttnBenchError):
    """Training cannot start or go on."""


class DivergedError(TrainingError):
    """A loss stopped being finite.

    Args:
        message: What was found, and what may help.
        loss: Which loss, such as ``training loss``.
        value: What it was: ``nan``, ``inf`` or ``-inf``.
        step: The step, counted from 1 over all epochs.
        epoch: The epoch of that step, counted from 1.
        curve: The learning curve before it, one point for each epoch that went well.

    Attributes:
        record: Its record, once whoever executed the run has written one.
    """

    def __init__(
        self,
        message: str,
        *,
        loss: str,
        value: "NotFinite",
        step: int,
        epoch: int,
        curve: "tuple[Epoch, ...] | tuple[DetectionEpoch, ...]",
    ) -> None:
        super().__init__(message)
        self.loss = loss
        self.value = value
        self.step = step
        self.epoch = epoch
        self.curve = curve
        self.record: AnyDivergedRun | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # By its message alone, as other exceptions are pickled, it could not be made again in another process.
        return type(self).__new__, (type(self), *self.args), vars(self)


class RunTimeoutError(TrainingError):
    """A run took longer than it may."""


class WorkerDiedError(TrainingError):
    """The processes that a run was in died, each time that it was tried."""


class StoreError(AttnBenchError):
    """The folder of records cannot be read or written."""


class RecordError(StoreError):
    """A record is damaged, or of a schema that this version does not know."""
