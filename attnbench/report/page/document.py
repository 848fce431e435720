"""What all pages share: one file that opens from disk, runs its own script, shows its own style and loads nothing.

Text from records reaches a page as text only: the templates escape it, the JSON holds no character that ends a
script, and the scripts never write markup.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from attnbench.printable import printable

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def render_document(
    template: str, *, style: str, scripts: Sequence[str], data: object = None, content: Mapping[str, Any]
) -> str:
    """A whole HTML document. Equal content gives equal documents.

    Args:
        template: Text of a template that extends ``document.html.j2``.
        style: Rules of the page's own, added to those of all pages.
        scripts: Texts of scripts, each of which uses those before it.
        data: What the scripts draw, of builtins; it stands in the page as JSON.
        content: What the template writes.
    """
    rules, script = asset("page.css") + style, _scoped(scripts)
    return _environment().from_string(template).render(
        policy=_policy(rules, script),
        style=Markup(rules),
        script=Markup(script),
        data=Markup(_json(data)),
        **content,
    )  # fmt: skip


def asset(name: str) -> str:
    """A file that pages share: a template, the style or a script."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(asset),
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


def _json(value: object) -> str:
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


def _scoped(scripts: Sequence[str]) -> str:
    """The scripts as one, in a scope of its own."""
    return "\n(() => {\n" + "\n".join(scripts) + "})();\n"
