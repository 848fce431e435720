"""Reports as files, or on standard output as they are."""

import sys
from pathlib import Path

from attnbench.errors import SpecError, StoreError
from attnbench.record import Store
from attnbench.store import write_whole


def check_output(output: Path | None, *, format_: str, formats: tuple[str, ...], store: Path) -> None:
    """Refuse a file that the format does not go with, or that would be taken for a record.

    Args:
        output: Where the report goes; none prints it.
        format_: The format that is asked for.
        formats: All that there are; ``table`` is for terminals alone.
        store: Folder of the records.

    Raises:
        SpecError: If there is such a file.
    """
    if output is None:
        return
    if format_ == "table":
        allowed = ", ".join(name for name in formats if name != "table")
        raise SpecError(f"--output needs a format for files; got --format table, allowed: {allowed}")
    if output.suffix == Store.suffix and output.parent.resolve() == store.resolve():
        raise SpecError(f"a {Store.suffix} file in the store would be taken for a record; got --output {output}")


def write_report(text: str, output: Path | None) -> None:
    """Write a report to a file, or print it as it is.

    Raises:
        StoreError: If the file cannot be written.
    """
    if output is None:
        # Without the marks, the folding and the characters of a console.
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()
        return
    try:
        write_whole(output, text.encode("utf-8"))
    except OSError as error:
        raise StoreError(f"cannot write {output}: {error.strerror or error}") from None
    print(f"The report is in {output}.")
