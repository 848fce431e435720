"""Leaderboards as one page that opens from disk: tables, plots and runs, with nothing to be loaded.

The template writes tables and sentences, which need no script. The scripts draw plots, sort, filter and open
runs, from numbers that stand in the page as JSON.
"""

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from attnbench.report.detection.board import DetectionBoard, DetectionFacts
from attnbench.report.leaderboard.board import Facts, Leaderboard
from attnbench.report.numbers import plural
from attnbench.report.page.data import BoardView, board_views
from attnbench.report.page.detection.data import DetectionView, detection_views
from attnbench.report.page.document import asset, render_document
from attnbench.report.page.pictures import AlbumView

_SCRIPTS = (
    "marks.js", "dom.js", "tip.js", "frame.js", "plots.js", "sorting.js", "table.js", "runs.js", "theme.js",
    "page.js",
)  # fmt: skip
"""Each uses those before it."""

__all__ = ["render_page"]


def render_page(
    boards: Sequence[Leaderboard],
    detections: Sequence[DetectionBoard] = (),
    *,
    store: str,
    problems: Sequence[str] = (),
    without_table: Sequence[str] = (),
    album: AlbumView | None = None,
) -> str:
    """Leaderboards and detection boards as a whole HTML document. Equal boards give equal documents.

    Args:
        boards: The leaderboards, in the order in which they stand.
        detections: The detection boards, which stand below them.
        store: Folder of the records, for the commands that repeat runs.
        problems: A sentence for each record that could not be read.
        without_table: A paragraph for each suite whose runs have all diverged.
        album: Pictures of attention, which stand below the boards.
    """
    views: list[BoardView | DetectionView] = [*board_views(boards, store=store), *detection_views(detections)]
    all_facts: list[Facts | DetectionFacts] = [board.facts for board in boards]
    all_facts += [board.facts for board in detections]
    num_runs = sum(facts.num_records for facts in all_facts)
    return render_document(
        asset("page.html.j2"),
        style=asset("parts.css") + asset("detection.css"),
        scripts=[asset(name) for name in _SCRIPTS],
        data=[[asdict(board) for board in view.data] for view in views],
        content={
            "title": f"attnbench: {views[0].table.title if len(views) == 1 else plural(len(views), 'leaderboard')}",
            "summary": f"{plural(len(views), 'leaderboard')}, {plural(num_runs, 'run')}",
            "boards": views,
            "store": store,
            "quoted_store": shlex.quote(store),
            "problems": problems,
            "without_table": without_table,
            "album": album,
        },
    )
