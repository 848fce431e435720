"""A suite's runs, which of them a store holds already, and what they gave."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from attnbench.diverged_record import AnyDivergedRun, DivergedStore
from attnbench.errors import RecordError
from attnbench.spec import Compute
from attnbench.store import RecordFolder, Storable

S = TypeVar("S")
R = TypeVar("R", bound=Storable)


def _needs_none(spec: object) -> bool:
    """No file is asked for."""
    return True


@dataclass(frozen=True, kw_only=True)
class Grid(Generic[S, R]):
    """Runs of one kind, and what there is to know of that kind."""

    specs: tuple[S, ...]
    """The runs, in the order in which they are begun."""
    compute: Compute
    """Where each is trained."""
    imports: tuple[str, ...]
    """Users' files or modules that a worker imports first."""
    digest_of: Callable[[S], str]
    """Gives the digest of a run."""
    execute: Callable[[S, Path], R]
    """Runs one and writes its record into the folder, unless it is there by then; it goes to other processes."""
    check: Callable[[], Sequence[str]]
    """Loads the data and builds every model once, so that a mistake shows before hours of training; gives what a user
    should know before it begins."""
    label: Callable[[S], str]
    """What a run is called on the terminal."""
    score: Callable[[R], str]
    """What is said of one that has ended."""
    has_files: Callable[[S], bool] = _needs_none
    """Whether the files are there that one was asked to leave besides its record."""

    def missing(self, store: RecordFolder[R]) -> list[S]:
        """The runs that have no readable record in the store yet, or have not left their files, and did not diverge."""
        lost = {self.digest_of(failure.spec) for failure in self.lost(store)}
        return [
            spec
            for spec in self.specs
            if self.digest_of(spec) not in lost
            and not (recorded_or_set_aside(store, self.digest_of(spec)) and self.has_files(spec))
        ]

    def lost(self, store: RecordFolder[R]) -> tuple["Failure[S]", ...]:
        """The runs that the store has as diverged, and no record of."""
        diverged = DivergedStore(store.path)
        return tuple(
            _lost(diverged.get(run_digest), diverged, spec, self.label(spec))
            for run_digest, spec in zip(map(self.digest_of, self.specs), self.specs, strict=True)
            if recorded_or_set_aside(diverged, run_digest) and not recorded_or_set_aside(store, run_digest)
        )

    def recorded(self, store: RecordFolder[R]) -> tuple[R, ...]:
        """The records that the store has of them, in their order."""
        return tuple(store.get(run_digest) for run_digest in map(self.digest_of, self.specs) if run_digest in store)


@dataclass(frozen=True)
class Failure(Generic[S]):
    """A run that gave no record."""

    spec: S
    """What was run."""
    label: str
    """What it is called."""
    reason: str
    """Why, in one sentence."""
    diverged: AnyDivergedRun | None = None
    """Its record as one that diverged, if it did."""


@dataclass(frozen=True)
class SuiteResult(Generic[S, R]):
    """What a suite gave."""

    records: tuple[R, ...]
    """The records of its runs, those of earlier calls included, in the suite's order."""
    failures: tuple[Failure[S], ...]
    """The runs that gave none, those that diverged in earlier calls included."""

    @property
    def diverged(self) -> tuple[AnyDivergedRun, ...]:
        """The runs that diverged."""
        return tuple(failure.diverged for failure in self.failures if failure.diverged is not None)


def recorded_or_set_aside(store: RecordFolder[R], run_digest: str) -> bool:
    """Whether the store has a readable record; one that cannot be read is set aside, to make room for a new one.

    Raises:
        StoreError: If it cannot be set aside.
    """
    if run_digest not in store:
        return False
    try:
        store.get(run_digest)
    except RecordError:
        store.set_aside(run_digest)
        return False
    return True


def _lost(run: AnyDivergedRun, store: DivergedStore, spec: S, label: str) -> Failure[S]:
    return Failure(spec, label, run.reason(store.file_of(run.digest)), run)
