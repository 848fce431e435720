"""The immutable result of one run, and the folder that holds such results.

A record is one JSON file, named by the digest of its spec. It is written whole
or not at all, and never rewritten. What depends on the clock stands under
`timing`; everything else is the same, bit for bit, for two runs of one spec on
one machine.
"""

import base64
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from attnbench.errors import RecordError, StoreError
from attnbench.spec import RunSpec, digest

SCHEMA = 1
"""Version of the record's layout. A change of meaning raises it; a new optional field does not."""


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The machine and software that made a record."""

    attnbench: str
    """Version of attnbench."""
    git_revision: str | None
    """Revision of the checkout attnbench was run from, with ``+changes`` where it was not clean."""
    python: str
    """Version of Python."""
    packages: dict[str, str]
    """Versions of the packages that results depend on."""
    platform: str
    """Operating system and processor architecture."""
    processor: str
    """Model name of the CPU."""
    device: str
    """Device that trained: ``cpu`` or the name of the GPU."""
    precision: str
    """Arithmetic that `auto` stood for."""
    threads: int
    """CPU threads of the run."""


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One point of the learning curve."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """Learning rate after the epoch's last step."""
    train_loss: float
    """Mean training loss over the epoch's images, nats."""
    validation_loss: float
    """Mean cross-entropy on the validation split, nats."""
    validation_top1_percent: float
    """Top-1 accuracy on the validation split."""
    validation_top5_percent: float
    """Top-5 accuracy on the validation split."""


@dataclass(frozen=True, kw_only=True)
class Values:
    """What was measured of the trained model and does not depend on the clock."""

    selected_epoch: int
    """Epoch whose weights were tested."""
    test_loss: float
    """Mean cross-entropy on the test split, nats."""
    test_top1_percent: float
    """Top-1 accuracy on the test split."""
    test_top5_percent: float
    """Top-5 accuracy on the test split."""
    num_train_images: int
    """Images of the training split."""
    num_validation_images: int
    """Images of the validation split."""
    num_test_images: int
    """Images of the test split."""
    num_classes: int
    """Classes of the data set."""
    image_shape: tuple[int, int, int]
    """Channels, height and width of a test image."""
    parameters: int
    """Trainable parameters of the model."""
    macs: int
    """Multiply-accumulates of one test image, by fvcore's default rules."""
    uncounted_operators: dict[str, int]
    """Operators that `macs` leaves out, with how often one forward pass runs them."""
    num_attention_modules: int = 0
    """Attention modules that were put into the backbone."""
    num_replaced: int = 0
    """Attention modules of the backbone's own that were taken out for them."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What depends on the clock."""

    started_at: str
    """Start of the run, UTC, ISO 8601."""
    wall_s: float
    """Seconds of the whole run."""
    train_s: float
    """Seconds of training and validation."""
    throughput_batch_size: int
    """Images of one timed forward pass."""
    forward_ms: tuple[float, ...]
    """Milliseconds of each timed forward pass of the model, in inference mode."""
    baseline_forward_ms: tuple[float, ...]
    """Milliseconds of the baseline's pass beside each of them."""


@dataclass(frozen=True, kw_only=True)
class PackedBits:
    """Booleans, eight to a byte, as base64 text."""

    num_bits: int
    """How many booleans."""
    data: str
    """Their bytes, first boolean in the highest bit, base64."""

    @classmethod
    def pack(cls, bits: NDArray[np.bool_]) -> "PackedBits":
        """Pack a boolean array of shape (num_bits,)."""
        return cls(num_bits=len(bits), data=base64.b64encode(np.packbits(bits).tobytes()).decode())

    def unpack(self) -> NDArray[np.bool_]:
        """The boolean array of shape (num_bits,)."""
        packed = np.frombuffer(base64.b64decode(self.data), dtype=np.uint8)
        return np.unpackbits(packed, count=self.num_bits).astype(np.bool_)


@dataclass(frozen=True, kw_only=True)
class Record:
    """The immutable result of one run."""

    schema: int
    """Version of this layout."""
    digest: str
    """Digest of the spec, and the file's name."""
    spec: RunSpec
    """What was run."""
    environment: Environment
    """Where it was run."""
    curve: tuple[Epoch, ...]
    """The learning curve, one point an epoch."""
    values: Values
    """The results."""
    test_correct: PackedBits
    """For each test image, in the data set's order, whether the top-1 prediction was right."""
    timing: Timing
    """What depends on the clock."""

    def to_json(self) -> bytes:
        """The record as indented JSON."""
        # asdict, because msgspec leaves out fields that it left at their defaults when it made the spec.
        return msgspec.json.format(msgspec.json.encode(asdict(self)), indent=1) + b"\n"

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "Record":
        """Read a record.

        Raises:
            RecordError: If it is damaged, of a newer schema, or not the record of its spec.
        """
        try:
            schema = msgspec.json.decode(text, type=_SchemaOnly).schema
            if schema > SCHEMA:
                raise RecordError(
                    f"{source} has schema {schema}; this attnbench reads up to {SCHEMA}: install a newer one"
                )
            record = msgspec.json.decode(text, type=cls)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordError(f"{source} is damaged: {error}") from None
        if record.digest != digest(record.spec):
            raise RecordError(f"{source} is damaged: its spec has the digest {digest(record.spec)}")
        return record


class _SchemaOnly(msgspec.Struct):
    schema: int


@dataclass(frozen=True)
class Store:
    """A folder of records, one JSON file each.

    Several processes may write into one store: a record is moved to its place
    in one step, and the first to arrive stays.
    """

    path: Path
    """The folder; it is made when the first record is added."""

    def file_of(self, run_digest: str) -> Path:
        """Where the record of that digest stands, or would stand."""
        return self.path / f"{run_digest}.json"

    def __contains__(self, run_digest: object) -> bool:
        return isinstance(run_digest, str) and self.file_of(run_digest).is_file()

    def make(self) -> None:
        """Make the folder and try to write there, so that hours of training are not lost on it.

        Raises:
            StoreError: If the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise StoreError(f"cannot write records into {self.path}: {error.strerror or error}") from error

    def add(self, record: Record) -> Path:
        """Write a record, whole or not at all; a record that is already there stays.

        Returns:
            The file of the record.

        Raises:
            StoreError: If the folder cannot be written.
        """
        final = self.file_of(record.digest)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path, prefix=f".{record.digest}.", suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(record.to_json())
                    file.flush()
                    os.fsync(file.fileno())
                os.chmod(temporary, 0o644)
                if not final.exists():
                    os.replace(temporary, final)
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cannot write a record into {self.path}: {error.strerror or error}") from error
        return final

    def get(self, run_digest: str) -> Record:
        """The record of that digest.

        Raises:
            RecordError: If there is none, or it is damaged.
        """
        file = self.file_of(run_digest)
        try:
            return Record.from_json(file.read_bytes(), source=str(file))
        except OSError as error:
            raise RecordError(f"cannot read {file}: {error.strerror or error}") from error

    def set_aside(self, run_digest: str) -> None:
        """Rename a damaged record to ``<digest>.json.damaged``, which makes room for the run's new one."""
        file = self.file_of(run_digest)
        os.replace(file, file.with_name(f"{file.name}.damaged"))

    def digests(self) -> list[str]:
        """The digests of all records, damaged ones included, sorted.

        Raises:
            StoreError: If there is no such folder.
        """
        if not self.path.is_dir():
            raise StoreError(f"there is no store of records at {self.path}; a leaderboard's --store makes one")
        return sorted(file.stem for file in self.path.glob("*.json") if not file.name.startswith("."))

    def read(self) -> tuple[list[Record], list[str]]:
        """All records that can be read, and a sentence for each that cannot.

        Raises:
            StoreError: If there is no such folder.
        """
        records: list[Record] = []
        problems: list[str] = []
        for run_digest in self.digests():
            try:
                records.append(self.get(run_digest))
            except RecordError as error:
                problems.append(str(error))
        return records, problems

    def __iter__(self) -> Iterator[Record]:
        return iter(self.read()[0])


def without_timing(record: Record) -> dict[str, Any]:
    """A record's content but for what depends on the clock, to compare two runs of one spec."""
    content = asdict(record)
    del content["timing"]
    return content
