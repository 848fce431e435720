"""`attnbench export`: the records of stores as tables for other programs."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from attnbench.errors import SpecError, StoreError
from attnbench.paths import check_output_file
from attnbench.record import Record, Store
from attnbench.report.export import check_export, curves_table, runs_table, write_parquet


def export(
    store: Path,
    /,
    *more: Path,
    parquet: Path,
    curves: Path | None = None,
    correct: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Write the records of stores as Parquet files, one row a run.

    Parameters
    ----------
    store
        Folder of the records.
    more
        Further folders; a run that is in several counts once.
    parquet
        File to write: what was run, where, and what came out; one row a run.
    curves
        File to write as well: the learning curves; one row an epoch of a run, with the run's digest.
    correct
        Also a column of lists that say for each test image whether it was classified correctly.
    """
    if curves is not None and curves.resolve() == parquet.resolve():
        raise SpecError(f"runs and curves need files of their own; got {str(parquet)!r} for both")
    check_output_file(parquet, option="parquet")
    if curves is not None:
        check_output_file(curves, option="curves")
    check_export()
    records: dict[str, Record] = {}
    for folder in (store, *more):
        found, problems = Store(folder).read()
        for problem in problems:
            print(problem, file=sys.stderr)
        for record in found:
            records.setdefault(record.digest, record)
    if not records:
        raise StoreError(f"{', '.join(map(str, (store, *more)))} holds no record of a run that can be read")
    chosen = list(records.values())
    write_parquet(runs_table(chosen, with_correct=correct), parquet)
    print(f"{len(chosen):,} runs in {parquet}")
    if curves is not None:
        table = curves_table(chosen)
        write_parquet(table, curves)
        print(f"{table.num_rows:,} epochs in {curves}")
    return 0
