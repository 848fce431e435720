"""Pictures of attention in a page: a page of their own, or a section of the leaderboards'."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from attnbench.pictures import Album, Line
from attnbench.report.numbers import plural
from attnbench.report.page.document import asset, render_document

_SCRIPTS = ("theme.js", "album.js")
"""Each uses those before it."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A picture as the template writes it."""

    title: str
    """What is shown, in a few words."""
    source: str
    """The picture itself, as a data URL."""
    caption: str
    """What exactly is shown."""
    lines: tuple[Line, ...]
    """What its rows show."""


@dataclass(frozen=True, kw_only=True)
class AlbumView:
    """Pictures as the template writes them."""

    title: str
    """What they show."""
    conditions: tuple[str, ...]
    """What they have in common."""
    figures: tuple[Figure, ...]
    """The pictures."""


def album_view(album: Album, drawn: Mapping[str, bytes]) -> AlbumView:
    """What a page shows of pictures.

    Args:
        album: What they show.
        drawn: The PNG of each by its name.
    """
    figures = tuple(
        Figure(title=picture.title, source=data_url(drawn[picture.file]), caption=picture.caption, lines=picture.lines)
        for picture in album.pictures
    )
    return AlbumView(title=album.title, conditions=album.conditions, figures=figures)


def render_album(album: Album, drawn: Mapping[str, bytes], *, folder: str) -> str:
    """Pictures as a whole HTML document. Equal pictures give equal documents.

    Args:
        album: What they show.
        drawn: The PNG of each by its name.
        folder: Where they are.
    """
    return render_document(
        asset("album.html.j2"),
        style="",
        scripts=[asset(name) for name in _SCRIPTS],
        content={
            "title": f"attnbench: {album.title}",
            "summary": plural(len(album.pictures), "picture"),
            "store": folder,
            "album": album_view(album, drawn),
        },
    )


def data_url(png: bytes) -> str:
    """A PNG as a page holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
