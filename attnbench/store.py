"""A folder of immutable records, one JSON file each.

A record is written whole or not at all, and never rewritten. Several processes and machines may write
into one folder: a record is moved to its place in one step, and the first to arrive stays.
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from attnbench.errors import RecordError, StoreError


class Storable(Protocol):
    """What a folder holds."""

    @property
    def digest(self) -> str:
        """The record's identity, and its file's name."""

    def to_json(self) -> bytes:
        """The record as JSON."""

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> Any:
        """Read a record, or raise a RecordError that names its source."""


R = TypeVar("R", bound=Storable)
T = TypeVar("T")


@dataclass(frozen=True)
class RecordFolder(Generic[R]):
    """A folder of records of one kind; records of other kinds may stand beside them."""

    path: Path
    """The folder; it is made when the first record is added."""

    record_class: ClassVar[type[Any]]
    """Class of the records."""
    suffix: ClassVar[str]
    """What follows the digest in a file's name."""
    made_by: ClassVar[str]
    """How a user comes by such a folder, for messages."""

    def file_of(self, record_digest: str) -> Path:
        """Where the record of that digest stands, or would stand."""
        return self.path / f"{record_digest}{self.suffix}"

    def __contains__(self, record_digest: object) -> bool:
        return isinstance(record_digest, str) and self.file_of(record_digest).is_file()

    def make(self) -> None:
        """Make the folder and try to write there, so that hours of work are not lost on it.

        Raises:
            StoreError: If the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise StoreError(f"cannot write records into {self.path}: {error.strerror or error}") from error

    def add(self, record: R) -> Path:
        """Write a record, whole or not at all; a record that is already there stays.

        Returns:
            The file of the record.

        Raises:
            StoreError: If the folder cannot be written.
        """
        final = self.file_of(record.digest)
        try:
            if not final.exists():
                write_whole(final, record.to_json())
        except OSError as error:
            raise StoreError(f"cannot write a record into {self.path}: {error.strerror or error}") from error
        return final

    def get(self, record_digest: str) -> R:
        """The record of that digest.

        Raises:
            RecordError: If there is none, or it is damaged.
        """
        file = self.file_of(record_digest)
        try:
            record: R = self.record_class.from_json(file.read_bytes(), source=str(file))
        except OSError as error:
            raise RecordError(f"cannot read {file}: {error.strerror or error}") from error
        return record

    def set_aside(self, record_digest: str) -> None:
        """Rename a damaged record to ``….json.damaged``, which makes room for a new one."""
        file = self.file_of(record_digest)
        os.replace(file, file.with_name(f"{file.name}.damaged"))

    def digests(self) -> list[str]:
        """The digests of all records, damaged ones included, sorted.

        Raises:
            StoreError: If there is no such folder.
        """
        if not self.path.is_dir():
            raise StoreError(f"there is no store of records at {self.path}; {self.made_by}")
        stems = (file.name[: -len(self.suffix)] for file in self.path.glob(f"*{self.suffix}"))
        # A further dot begins the suffix of another kind, or the name of a file that is being written.
        return sorted(stem for stem in stems if "." not in stem)

    def read(self) -> tuple[list[R], list[str]]:
        """All records that can be read, and a sentence for each that cannot.

        Raises:
            StoreError: If there is no such folder.
        """
        records: list[R] = []
        problems: list[str] = []
        for record_digest in self.digests():
            try:
                records.append(self.get(record_digest))
            except RecordError as error:
                problems.append(str(error))
        return records, problems

    def __iter__(self) -> Iterator[R]:
        return iter(self.read()[0])


def write_whole(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, with its folder where there is none; what was there is replaced.

    Raises:
        OSError: If it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def encode_record(record: Any) -> bytes:
    """A dataclass as indented JSON."""
    # asdict, because msgspec leaves out fields that it left at their defaults when it made the dataclass.
    return msgspec.json.format(msgspec.json.encode(asdict(record)), indent=1) + b"\n"


def decode_record(text: bytes, record_class: type[T], *, newest_schema: int, source: str) -> T:
    """Read a dataclass that has a `schema` from JSON.

    Raises:
        RecordError: If it is damaged or of a newer schema.
    """
    try:
        schema = msgspec.json.decode(text, type=_SchemaOnly).schema
        if schema > newest_schema:
            raise RecordError(
                f"{source} has schema {schema}; this attnbench reads up to {newest_schema}: install a newer one"
            )
        return msgspec.json.decode(text, type=record_class)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{source} is damaged: {error}") from None


class _SchemaOnly(msgspec.Struct):
    schema: int
