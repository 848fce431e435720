"""`attnbench report --format html`: leaderboards, detection tables and pictures on one page."""

from collections.abc import Sequence
from pathlib import Path

from attnbench.detection_record import DetectionRecord
from attnbench.errors import SpecError
from attnbench.pictures import read_album
from attnbench.record import Record
from attnbench.report import board_of, detection_boards


def page_text(
    groups: Sequence[Sequence[Record]],
    detected: Sequence[DetectionRecord],
    store: Path,
    problems: Sequence[str],
    pictures: Path | None,
) -> str:
    """The page.

    Args:
        groups: Comparable records, a leaderboard each.
        detected: Records of detectors.
        store: Where they are from.
        problems: A sentence for each record that could not be read.
        pictures: Folder of `attnbench visualize`, whose pictures end the page; none for none.

    Raises:
        SpecError: If there is no record, or the folder holds no pictures.
        RecordError: If the pictures are damaged.
    """
    from attnbench.report.page import render_page
    from attnbench.report.page.pictures import album_view

    if not groups and not detected:
        raise SpecError(f"--format html shows leaderboards, and {store} holds no record of a run")
    album = None if pictures is None else album_view(*read_album(pictures))
    boards = [board_of(group) for group in groups]
    return render_page(boards, detection_boards(detected), store=str(store), problems=problems, album=album)
