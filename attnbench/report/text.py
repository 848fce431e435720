"""Text for a terminal or a pipe, in the characters that it has."""

from rich.text import Text

from attnbench.printable import printable

WIDE = 116
"""Columns from which each number gets a column of its own."""

_ASCII = {"Δ": "diff", "±": "+-", "×": "x", "−": "-", "–": "-", "…": "..", "≥": ">=", "≤": "<=", "†": "#"}


def shown(content: str, ascii_only: bool, style: str = "") -> Text:
    """Text that is shown as it is: no markup, no control characters, nothing that the console cannot encode."""
    text = printable(content)
    if ascii_only:
        for char, plain in _ASCII.items():
            text = text.replace(char, plain)
        text = text.encode("ascii", "backslashreplace").decode()
    return Text(text, style=style)
