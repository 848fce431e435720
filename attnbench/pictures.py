"""Pictures in a folder, with what each shows in `pictures.json` beside them, so that a report needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attnbench.errors import RecordError, SpecError, StoreError
from attnbench.store import decode_record, encode_record, write_whole

SCHEMA = 1
"""Version of the layout. A change of meaning raises it; a new optional field does not."""
ALBUM = "pictures.json"
"""File of what the pictures of a folder show."""

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What one row of a picture shows."""

    name: str
    """Its heading."""
    caption: str
    """What exactly is shown, and the limits of its colours."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture."""

    file: str
    """Name of the PNG in the folder."""
    title: str
    """What is shown, in a few words."""
    caption: str
    """What exactly is shown: of which weights, which layer, in which colours."""
    lines: tuple[Line, ...] = ()
    """What its rows show, where the caption does not say."""


@dataclass(frozen=True, kw_only=True)
class Album:
    """Pictures that belong together."""

    title: str
    """What they show."""
    conditions: tuple[str, ...]
    """What they have in common: the images, and each model with its weights."""
    pictures: tuple[Picture, ...]
    """In the order in which they are shown."""
    schema: int = SCHEMA
    """Version of this layout."""


def write_album(folder: Path, album: Album, drawn: Mapping[str, bytes]) -> None:
    """Write pictures, each whole or not at all, and last what they show.

    Args:
        folder: Where they go.
        album: What they show.
        drawn: The PNG of each by its name.

    Raises:
        StoreError: If one cannot be written.
    """
    for name, content in (*drawn.items(), (ALBUM, encode_record(album))):
        try:
            write_whole(folder / name, content)
        except OSError as error:
            raise StoreError(f"cannot write {folder / name}: {error.strerror or error}") from error


def read_album(folder: Path) -> tuple[Album, dict[str, bytes]]:
    """What `write_album` has written.

    Raises:
        SpecError: If the folder holds no pictures.
        RecordError: If what it says of them is damaged, or a picture is missing.
    """
    file = folder / ALBUM
    if not file.is_file():
        raise SpecError(f"{folder} holds no {ALBUM}; attnbench visualize --output DIR writes a folder of pictures")
    album = decode_record(_content(file), Album, newest_schema=SCHEMA, source=str(file))
    drawn = {}
    for picture in album.pictures:
        if Path(picture.file).name != picture.file:
            raise RecordError(f"{file} is damaged: a picture must be a file beside it; got {picture.file!r}")
        content = _content(folder / picture.file)
        if not content.startswith(_PNG):
            raise RecordError(f"{folder / picture.file} is damaged: it is no PNG")
        drawn[picture.file] = content
    return album, drawn


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror or error}") from error
