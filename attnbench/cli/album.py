"""The files of `attnbench visualize`: which it replaces, and how they are written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attnbench.errors import AttnBenchError, SpecError, StoreError
from attnbench.pictures import ALBUM, read_album, write_album
from attnbench.store import write_whole

if TYPE_CHECKING:
    from attnbench.looking import Drawn

PAGE = "index.html"
"""File of all pictures on one page."""


def check_replaced(names: Sequence[str], folder: Path) -> None:
    """Refuse to replace what `attnbench visualize` has not written, before anything is drawn.

    Args:
        names: What the classifiers are called.
        folder: Where their pictures go.

    Raises:
        SpecError: If there is such a file.
    """
    from attnbench.looking import all_picture_names

    for file in (folder / name for name in all_picture_names(names)):
        if file.exists() and not _is_ours(file):
            raise SpecError(f"{file} is there, and not a picture of attnbench visualize; name another folder: --output")
    if (folder / PAGE).exists() or (folder / ALBUM).exists():
        try:
            read_album(folder)
        except AttnBenchError as error:
            raise SpecError(
                f"{folder} has an {PAGE} or {ALBUM} that is not of attnbench visualize, or damaged; remove it or name "
                "another folder: --output"
            ) from error


def write_pictures(drawn: "Drawn", folder: Path) -> None:
    """Write pictures, what they show, and their page.

    Raises:
        StoreError: If one cannot be written.
    """
    from attnbench.report.page.pictures import render_album

    write_album(folder, drawn.album, drawn.files)
    page = render_album(drawn.album, drawn.files, folder=str(folder))
    try:
        write_whole(folder / PAGE, page.encode())
    except OSError as error:
        raise StoreError(f"cannot write {folder / PAGE}: {error.strerror or error}") from error


def _is_ours(file: Path) -> bool:
    from PIL import Image

    from attnbench.looking import MAKER

    try:
        with Image.open(file) as picture:
            return picture.info.get("Software") == MAKER
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
