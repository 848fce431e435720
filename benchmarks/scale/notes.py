"""Runs that do nothing but leave a small record: what is left is what attnbench takes for a run."""

from dataclasses import dataclass
from pathlib import Path

from attnbench.errors import RecordError
from attnbench.execution import run_resumed
from attnbench.grid import Grid
from attnbench.spec import Compute
from attnbench.store import RecordFolder


@dataclass(frozen=True)
class Note:
    """A record of nothing."""

    digest: str

    def to_json(self) -> bytes:
        return self.digest.encode()

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "Note":
        if len(text) != 16:
            raise RecordError(f"{source} is damaged")
        return cls(text.decode())


@dataclass(frozen=True)
class Notes(RecordFolder[Note]):
    """A folder of them."""

    record_class = Note
    suffix = ".json"
    made_by = "benchmarks.scale makes one"


def grid_of_notes(number: int) -> Grid[int, Note]:
    """So many runs, each of which is its number."""
    return Grid(
        specs=tuple(range(number)),
        compute=Compute(device="cpu"),
        imports=(),
        digest_of=digest_of,
        execute=write,
        check=tuple,
        label=str,
        score=str,
    )


def digest_of(run: int) -> str:
    """What a run's record is called."""
    return f"{run:016x}"


def write(run: int, store_path: Path) -> Note:
    """Leave the record of a run, as every kind of run does."""
    store, digest = Notes(store_path), digest_of(run)
    return run_resumed(store, digest, has_files=True, run=lambda state: Note(digest))
