"""Writes copies of a record into a store: python -m benchmarks.faults.writing FILE STORE NUMBER."""

import sys
from dataclasses import replace
from pathlib import Path

from attnbench.record import Record, Store
from attnbench.spec import digest


def main(file: str, store: str, number: str) -> None:
    """Write them one after another."""
    record = Record.from_json(Path(file).read_bytes(), source=file)
    for copy in copies_of(record, int(number)):
        Store(Path(store)).add(copy)


def copies_of(record: Record, number: int) -> list[Record]:
    """A record as if of so many seeds."""
    specs = [replace(record.spec, seed=seed) for seed in range(number)]
    return [replace(record, spec=spec, digest=digest(spec)) for spec in specs]


if __name__ == "__main__":
    main(*sys.argv[1:])
