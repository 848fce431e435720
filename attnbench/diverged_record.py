"""The record of a run whose loss stopped being finite, and the folder that holds such records.

A run is deterministic: what has diverged would diverge again, so that it is not run again while its record is there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from attnbench.detection_record import DetectionEpoch
from attnbench.detection_spec import DetectionRun, detection_digest
from attnbench.errors import DivergedError, RecordError
from attnbench.record import Environment, Epoch
from attnbench.spec import RunSpec, digest
from attnbench.store import RecordFolder, decode_record, encode_record

DIVERGED_SCHEMA = 1
"""Version of the record's layout. A change of meaning raises it; a new optional field does not."""

NotFinite: TypeAlias = Literal["nan", "inf", "-inf"]
"""What a loss is that is not finite; JSON has no number for it."""

Task: TypeAlias = Literal["classification", "detection"]
"""What is learned."""

S = TypeVar("S", RunSpec, DetectionRun)
E = TypeVar("E", Epoch, DetectionEpoch)


@dataclass(frozen=True, kw_only=True)
class DivergedRun(Generic[S, E]):
    """The immutable record of one run that diverged."""

    schema: int
    """Version of this layout."""
    digest: str
    """Digest of the spec, and the file's name."""
    task: Task
    """Which kind of spec and of curve it has."""
    spec: S
    """What was run."""
    environment: Environment
    """Where it was run."""
    loss: str
    """Which loss: ``training loss`` with the name of the part behind it for a detector, ``validation loss`` or
    ``test loss``; or ``largest weight``, of a detector whose loss was finite to the last."""
    value: NotFinite
    """What it was."""
    step: int
    """The first step whose loss was not finite, on any device, counted from 1 over all epochs; of what is found
    later the last step of the epoch whose weights gave it."""
    epoch: int
    """The epoch of that step, counted from 1."""
    curve: tuple[E, ...]
    """The learning curve before that epoch."""
    started_at: str
    """Start of the run, UTC, ISO 8601; of a resumed one when it was resumed."""
    wall_s: float
    """Seconds from there to the end of the epoch, where it was found."""

    @property
    def place(self) -> str:
        """Step and epoch, in words."""
        return place(self.step, self.epoch, self.spec.recipe.epochs)

    def reason(self, file: Path) -> str:
        """Why it is not run again, in a sentence.

        Args:
            file: Where it is recorded.
        """
        return f"diverged at {self.place}; recorded in {file}, remove it to try again"

    def to_json(self) -> bytes:
        """The record as indented JSON."""
        return encode_record(self)

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "AnyDivergedRun":
        """Read a record, of the class that goes with its task.

        Raises:
            RecordError: If it is damaged, of a newer schema, or contradicts itself.
        """
        task = decode_record(text, _Task, newest_schema=DIVERGED_SCHEMA, source=source).task
        record_class = DivergedClassification if task == "classification" else DivergedDetection
        record: AnyDivergedRun = decode_record(text, record_class, newest_schema=DIVERGED_SCHEMA, source=source)
        fault = _fault_of(record)
        if fault is not None:
            raise RecordError(f"{source} is damaged: {fault}")
        return record


class DivergedClassification(DivergedRun[RunSpec, Epoch]):
    """A classifier's."""


class DivergedDetection(DivergedRun[DetectionRun, DetectionEpoch]):
    """A detector's."""


AnyDivergedRun: TypeAlias = DivergedRun[Any, Any]
"""A classifier's or a detector's."""


class DivergedStore(RecordFolder[AnyDivergedRun]):
    """A folder of the records of runs that diverged, ``<digest>.diverged.json``; those of other runs stand beside."""

    record_class = DivergedRun
    suffix = ".diverged.json"
    made_by = "a leaderboard's --store makes one"


def diverged_run(
    spec: RunSpec | DetectionRun, error: DivergedError, *, environment: Environment, started_at: str, wall_s: float
) -> AnyDivergedRun:
    """The record of a run that has ended so.

    Args:
        spec: What was run.
        error: What ended it.
        environment: Where it was run.
        started_at: Start, UTC, ISO 8601.
        wall_s: Seconds since then.
    """
    is_classifier = isinstance(spec, RunSpec)
    record_class: type[AnyDivergedRun] = DivergedClassification if is_classifier else DivergedDetection
    return record_class(
        schema=DIVERGED_SCHEMA,
        digest=_digest_of(spec),
        task="classification" if is_classifier else "detection",
        spec=spec,
        environment=environment,
        loss=error.loss,
        value=error.value,
        step=error.step,
        epoch=error.epoch,
        curve=error.curve,
        started_at=started_at,
        wall_s=wall_s,
    )


def place(step: int, epoch: int, epochs: int) -> str:
    """Where in a training something was, in words.

    >>> place(57, 2, 6)
    'step 57 (epoch 2 of 6)'
    """
    return f"step {step} (epoch {epoch} of {epochs})"


@dataclass(frozen=True, kw_only=True)
class _Task:
    schema: int
    task: Task


def _digest_of(spec: RunSpec | DetectionRun) -> str:
    return digest(spec) if isinstance(spec, RunSpec) else detection_digest(spec)


def _fault_of(record: AnyDivergedRun) -> str | None:
    """What contradicts itself in it, in words, or none."""
    expected, epochs = _digest_of(record.spec), record.spec.recipe.epochs
    if record.digest != expected:
        return f"its spec has the digest {expected}: it was edited, or a newer attnbench wrote it"
    if not 1 <= record.epoch <= epochs:
        return f"epoch must lie in [1, {epochs}]; got {record.epoch}"
    if record.step < record.epoch:
        return f"step must be at least 1 in each epoch; got step {record.step} in epoch {record.epoch}"
    numbers = [point.epoch for point in record.curve]
    if len(numbers) != record.epoch - 1 or numbers != list(range(1, len(numbers) + 1)):
        return f"its curve must have the epochs before epoch {record.epoch}, counted from 1"
    if record.wall_s < 0:
        return f"wall_s must not be negative; got {record.wall_s:g}"
    return None
