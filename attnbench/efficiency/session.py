"""A measurement in progress: what its finished stages gave, kept in a file until the records are written."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal, TypeAlias

from attnbench.efficiency_record import EFFICIENCY_SCHEMA, EfficiencyRecord, EfficiencyStore
from attnbench.efficiency_spec import EfficiencySpec, RowSpec, spec_digest
from attnbench.errors import RecordError, StoreError
from attnbench.record import Environment
from attnbench.store import decode_record, encode_record, write_whole

Stage: TypeAlias = Literal["build", "counts", "inference", "training", "latency"]
"""A part of a measurement. All but the building, which each session needs, are kept as a whole when they end."""

Progress: TypeAlias = Callable[[Stage, str, float], None]
"""Called with the stage, what it is at in words, and the part of it that is done, in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the finished stages of a measurement gave."""

    schema: int = EFFICIENCY_SCHEMA
    """Version of the records' layout."""
    finished: tuple[Stage, ...] = ()
    """The stages that need not be done again."""
    rows: tuple[EfficiencyRecord, ...]
    """The rows as far as they are known."""

    def has_finished(self, stage: Stage) -> bool:
        """Whether a stage need not be done again."""
        return stage in self.finished

    def with_rows(self, change: Callable[[EfficiencyRecord], EfficiencyRecord]) -> "Session":
        """The session with every row changed."""
        return replace(self, rows=tuple(change(row) for row in self.rows))


class SessionFile:
    """Where a session is kept: one hidden file in the store for each measurement that is not whole yet.

    Args:
        store: The store that the records will go to.
        spec: What is measured.
        rows: Its rows, with the hashes of users' files.
        environment: Where it is measured. Another machine, version or revision is another session.
    """

    def __init__(
        self, store: EfficiencyStore, spec: EfficiencySpec, rows: list[RowSpec], environment: Environment
    ) -> None:
        key = spec_digest(spec, *rows, environment)
        self.path: Path = store.path / f".{key}.session"
        self._rows = rows
        self._environment = environment

    def open(self) -> Session:
        """The session as it was left, or a new one."""
        try:
            return decode_record(
                self.path.read_bytes(), Session, newest_schema=EFFICIENCY_SCHEMA, source=str(self.path)
            )
        except (OSError, RecordError):  # none yet, or one that cannot be gone on with
            return self._new()

    def keep(self, session: Session) -> None:
        """Write the session, whole or not at all.

        Raises:
            StoreError: If it cannot be written.
        """
        try:
            write_whole(self.path, encode_record(session))
        except OSError as error:
            raise StoreError(f"cannot write into {self.path.parent}: {error.strerror or error}") from error

    def remove(self) -> None:
        """Forget the session, whose records are written."""
        self.path.unlink(missing_ok=True)

    def _new(self) -> Session:
        name = secrets.token_hex(6)
        started_at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return Session(
            rows=tuple(
                EfficiencyRecord(
                    schema=EFFICIENCY_SCHEMA,
                    digest=spec_digest(row, name),
                    session=name,
                    started_at=started_at,
                    spec=row,
                    environment=self._environment,
                    bandwidth_bytes_per_s=None,
                    counts=None,
                )
                for row in self._rows
            )
        )
