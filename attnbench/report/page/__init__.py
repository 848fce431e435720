"""Leaderboards as one page that opens from disk: tables, plots and runs, with nothing to be loaded.

The template writes tables and sentences, which need no script. The scripts draw plots, sort, filter and open
runs, from numbers that stand in the page as JSON.
"""

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.numbers import plural
from attnbench.report.page.data import board_views
from attnbench.report.page.document import asset, render_document

_SCRIPTS = (
    "marks.js", "dom.js", "tip.js", "frame.js", "plots.js", "sorting.js", "table.js", "runs.js", "theme.js",
    "page.js",
)  # fmt: skip
"""Each uses those before it."""

__all__ = ["render_page"]


def render_page(boards: Sequence[Leaderboard], *, store: str, problems: Sequence[str] = ()) -> str:
    """Leaderboards as a whole HTML document. Equal leaderboards give equal documents.

    Args:
        boards: The leaderboards, in the order in which they stand.
        store: Folder of the records, for the commands that repeat runs.
        problems: A sentence for each record that could not be read.
    """
    views = board_views(boards, store=store)
    return render_document(
        asset("page.html.j2"),
        style="",
        scripts=[asset(name) for name in _SCRIPTS],
        data=[[asdict(board) for board in view.data] for view in views],
        content={
            "title": f"attnbench: {views[0].table.title if len(views) == 1 else plural(len(views), 'leaderboard')}",
            "summary": f"{plural(len(views), 'leaderboard')}, {plural(_num_runs(boards), 'run')}",
            "boards": views,
            "store": store,
            "quoted_store": shlex.quote(store),
            "problems": problems,
        },
    )


def _num_runs(boards: Sequence[Leaderboard]) -> int:
    return sum(board.facts.num_records for board in boards)
