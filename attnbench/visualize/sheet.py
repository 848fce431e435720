"""Several pictures on one sheet, in pairs."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from attnbench.visualize.captions import font_of_size

_INK, _PAPER = (20, 20, 20), (255, 255, 255)
_TITLE, _HEADING = 20, 14
_GAP, _MARGIN = 6, 24


@dataclass(frozen=True)
class Panel:
    """A picture with a line above it."""

    picture: Image.Image
    """The picture."""
    heading: str
    """The line."""


def contact_sheet(title: str, pairs: Sequence[tuple[Panel, Panel]], *, columns: int = 2) -> Image.Image:
    """Pairs of pictures beside one another, row by row.

    Args:
        title: What the sheet shows; it is broken into lines.
        pairs: The pictures, at least one pair.
        columns: Pairs in a row.
    """
    columns = min(columns, len(pairs))
    width = max(panel.picture.width for pair in pairs for panel in pair)
    height = max(panel.picture.height for pair in pairs for panel in pair)
    step_x, step_y = 2 * width + _GAP + _MARGIN, height + 2 * _HEADING + _MARGIN // 2
    rows = -(-len(pairs) // columns)
    lines = _broken(title, columns * step_x - _MARGIN)
    top = _MARGIN + round(1.3 * _TITLE) * len(lines)
    sheet = Image.new("RGB", (_MARGIN + columns * step_x, top + rows * step_y + _MARGIN // 2), _PAPER)
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(lines):
        draw.text((_MARGIN, _MARGIN // 2 + round(1.3 * _TITLE) * number), line, _INK, font=font_of_size(_TITLE))
    for number, pair in enumerate(pairs):
        row, column = divmod(number, columns)
        for side, panel in enumerate(pair):
            left, upper = _MARGIN + column * step_x + side * (width + _GAP), top + row * step_y
            draw.text((left, upper + _HEADING), panel.heading, _INK, font=font_of_size(_HEADING), anchor="lm")
            sheet.paste(panel.picture, (left, upper + 2 * _HEADING - 2))
    return sheet


def _broken(text: str, width: int) -> list[str]:
    """Lines of whole words that fit into a width, as far as words do."""
    font = font_of_size(_TITLE)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
