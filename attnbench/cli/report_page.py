"""`attnbench report --format html`: leaderboards, detection tables and pictures on one page."""

from collections.abc import Sequence
from pathlib import Path

from attnbench.cli.held import Held, say_left_out
from attnbench.detection_record import DetectionRecord
from attnbench.errors import SpecError
from attnbench.pictures import read_album
from attnbench.record import Record
from attnbench.report import board_of, detection_boards


def page_text(
    groups: Sequence[Sequence[Record]],
    detected: Sequence[DetectionRecord],
    held: Held,
    store: Path,
    pictures: Path | None,
) -> str:
    """The page.

    Args:
        groups: Comparable records, a leaderboard each.
        detected: Records of detectors.
        held: What else there is to say of the store.
        store: Where they are from.
        pictures: Folder of `attnbench visualize`, whose pictures end the page; none for none.

    Raises:
        SpecError: If there is no record, or the folder holds no pictures.
        RecordError: If the pictures are damaged.
    """
    from attnbench.report.page import render_page
    from attnbench.report.page.pictures import album_view

    if not groups and not detected:
        say_left_out(held.without_table)
        raise SpecError(f"--format html shows leaderboards, and {store} holds no record of a run")
    album = None if pictures is None else album_view(*read_album(pictures))
    return render_page(
        [board_of(group, held.diverged) for group in groups],
        detection_boards(detected, held.diverged),
        store=str(store),
        problems=[*held.problems, *held.detected_problems],
        without_table=held.without_table,
        album=album,
    )
