"""A folder of immutable records, one JSON file each.

A record is written whole or not at all, and never rewritten. Several processes and machines may write
into one folder without locks: a record gets its name in one step, and the first to arrive stays. What a
killed writer leaves behind is named ``.….tmp`` and never read.
"""

import contextlib
import gc
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import msgspec

from attnbench.errors import RecordError, StoreError
from attnbench.printable import both_ends, printable


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

_LONGEST_PROBLEM = 500
"""Characters of it that are shown; a damaged number may have thousands."""

JSON_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading damaged JSON raises; the last, where brackets nest too deep."""


@dataclass(frozen=True)
class RecordFolder(Generic[R]):
    """A folder of records of one kind; records of other kinds may stand beside them."""

    path: Path
    """The folder, made when the first record is added."""

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
        # Of any kind: what stands in a record's place must be set aside before there is room for the record.
        return isinstance(record_digest, str) and os.path.lexists(self.file_of(record_digest))

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
        """Write a record, whole or not at all, and return its file; a record that is already there stays.

        Raises:
            RecordError: If it could not be read again; JSON, for one, has no number for what is not finite.
            StoreError: If the folder cannot be written, or something that is no file has the record's name.
        """
        final, text = self.file_of(record.digest), record.to_json()
        self.record_class.from_json(text, source="the record to write")
        try:
            if not final.is_file():
                write_whole(final, text, replace=False)
        except OSError as error:
            raise StoreError(f"cannot write a record into {self.path}: {error.strerror or error}") from error
        return final

    def get(self, record_digest: str) -> R:
        """The record of that digest.

        Raises:
            RecordError: If there is none, or it is damaged, or it is another one.
        """
        file = str(self.file_of(record_digest))
        try:
            with open(file, "rb", buffering=0) as opened:
                text = opened.read()
        except OSError as error:
            raise RecordError(f"cannot read {file}: {error.strerror or error}") from error
        record: R = self.record_class.from_json(text, source=file)
        if record.digest != record_digest:
            raise RecordError(f"{file} has a wrong name: it holds the record {record.digest}")
        return record

    def set_aside(self, record_digest: str) -> None:
        """Rename a damaged record to ``….json.damaged``, which makes room for a new one.

        Raises:
            StoreError: If it cannot be renamed.
        """
        file = self.file_of(record_digest)
        try:
            os.replace(file, file.with_name(f"{file.name}.damaged"))
        except FileNotFoundError:
            pass  # Another process was quicker.
        except OSError as error:
            raise StoreError(f"cannot set {file} aside: {error.strerror or error}") from error

    def digests(self) -> list[str]:
        """The digests of all records, damaged ones included, sorted.

        Raises:
            StoreError: If there is no such folder, or it cannot be read.
        """
        if not self.path.is_dir():
            raise StoreError(f"there is no store of records at {self.path}; {self.made_by}")
        try:
            names = os.listdir(self.path)
        except OSError as error:
            raise StoreError(f"cannot read the store of records at {self.path}: {error.strerror or error}") from error
        stems = (name.removesuffix(self.suffix) for name in names if name.endswith(self.suffix))
        # A further dot begins the suffix of another kind, or the name of a file that is being written.
        return sorted(stem for stem in stems if "." not in stem)

    def read(self) -> tuple[list[R], list[str]]:
        """All records that can be read, and a sentence for each that cannot.

        Raises:
            StoreError: If there is no such folder, or it cannot be read.
        """
        records: list[R] = []
        problems: list[str] = []
        with _no_garbage_collection():
            for record_digest in self.digests():
                try:
                    records.append(self.get(record_digest))
                except RecordError as error:
                    problems.append(printable(" ".join(str(error).split()))[:_LONGEST_PROBLEM])
        return records, problems

    def __iter__(self) -> Iterator[R]:
        return iter(self.read()[0])


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    # Thousands of records are no garbage and hold no cycles, but the collector would visit them all, many times.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def write_whole(file: Path, content: bytes, *, replace: bool = True) -> None:
    """Write a file whole or not at all, with its folder where there is none.

    Args:
        file: Where it goes.
        content: What it holds.
        replace: Whether it replaces a file that is there; otherwise that one stays.

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
        if replace:
            os.replace(temporary, file)
        else:
            _name_once(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _name_once(temporary: str, file: Path) -> None:
    try:
        os.link(temporary, file)  # the one way that fails, in one step, where the name is taken
    except FileExistsError:
        if not file.is_file():
            raise
    except OSError:  # a file system without hard links, where of two writers that meet the last one stays
        os.replace(temporary, file)


def encode_record(record: Any) -> bytes:
    """A dataclass as indented JSON."""
    # asdict, because msgspec leaves out fields that it left at their defaults when it made the dataclass.
    return msgspec.json.format(msgspec.json.encode(asdict(record)), indent=1) + b"\n"


def decode_record(text: bytes, record_class: type[T], *, newest_schema: int, source: str) -> T:
    """Read a dataclass that has a `schema` from JSON; fields that it does not know are passed over.

    Raises:
        RecordError: If it is damaged or of a newer schema.
    """
    try:
        record = msgspec.json.decode(text, type=record_class)
        schema: int = record.schema  # type: ignore[attr-defined]
    except JSON_DAMAGE as error:
        # What a newer version has written may not fit, and its schema says so better.
        schema = _schema_of(text)
        if schema <= newest_schema:
            raise RecordError(f"{source} is damaged: {both_ends(str(error))}") from None
    if schema > newest_schema:
        raise RecordError(
            f"{source} has schema {schema}; this attnbench reads up to {newest_schema}: install a newer one"
        )
    return record


def _schema_of(text: bytes) -> int:
    try:
        return msgspec.json.decode(text, type=_SchemaOnly).schema
    except JSON_DAMAGE:
        return 0


class _SchemaOnly(msgspec.Struct):
    schema: int
