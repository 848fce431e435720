"""Leaderboards as one page that opens from disk: tables, plots and runs, with nothing to be loaded.

The template writes tables and sentences, which need no script. The scripts draw plots, sort, filter and open
runs, from numbers that stand in the page as JSON. Text from records reaches the page as text only: the template
escapes it, the JSON holds no character that ends a script, and the scripts never write markup.
"""

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from attnbench.printable import printable
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.numbers import plural
from attnbench.report.page.data import board_views

_SCRIPTS = ("marks.js", "dom.js", "frame.js", "plots.js", "table.js", "runs.js", "page.js")
"""Each uses those before it."""
_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

__all__ = ["render_page"]


def render_page(boards: Sequence[Leaderboard], *, store: str, problems: Sequence[str] = ()) -> str:
    """Leaderboards as a whole HTML document. Equal leaderboards give equal documents.

    Args:
        boards: The leaderboards, in the order in which they stand.
        store: Folder of the records, for the commands that repeat runs.
        problems: A sentence for each record that could not be read.
    """
    views = board_views(boards, store=store)
    style, script = _asset("page.css"), _scripts()
    return _template_environment().from_string(_asset("page.html.j2")).render(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=Markup(_json([asdict(view.data) for view in views])),
        title=f"attnbench: {views[0].table.title if len(views) == 1 else plural(len(views), 'leaderboard')}",
        summary=f"{plural(len(views), 'leaderboard')}, {plural(_num_runs(boards), 'run')}",
        boards=views,
        store=store,
        quoted_store=shlex.quote(store),
        problems=problems,
    )  # fmt: skip


def _template_environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_printable,
    )
    environment.filters["breakable"] = _breakable
    return environment


def _breakable(text: str) -> Markup:
    """A name or title that a narrow page may break between settings."""
    return Markup("<wbr>").join(re.split(r"(?<=[,:])", _printable(text)))


def _printable(value: Any) -> Any:
    """Text without control characters, in whatever text is nested in lists and dictionaries; the rest as it is."""
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _json(value: Any) -> str:
    """JSON that may stand in a script element: no character of it is markup."""
    text = json.dumps(_printable(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_ESCAPED)


def _policy(style: str, script: str) -> str:
    """What the page may do: run its own script, show its own style, and load nothing."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _scripts() -> str:
    """The scripts as one, in a scope of its own."""
    return "\n(() => {\n" + "\n".join(_asset(name) for name in _SCRIPTS) + "})();\n"


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _num_runs(boards: Sequence[Leaderboard]) -> int:
    return sum(board.facts.num_records for board in boards)
