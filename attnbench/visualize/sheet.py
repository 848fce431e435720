"""Several pictures on one sheet: in pairs, or in rows and columns with headings."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from attnbench.visualize.captions import RGB, font_of_size

_INK, _GREY, _PAPER = (20, 20, 20), (90, 90, 90), (255, 255, 255)
_TITLE, _HEADING, _CAPTION = 20, 14, 13
_LINE = 1.3
"""Height of a line by that of its font."""
_GAP, _MARGIN = 6, 24
_ROW_HEADING, _LEAST_WIDTH = 150, 400
"""Pixels after which a row's heading, and at the earliest the title and the caption, are broken."""


@dataclass(frozen=True)
class Panel:
    """A picture with a line above it."""

    picture: Image.Image
    """The picture."""
    heading: str
    """The line."""


@dataclass(frozen=True)
class Row:
    """Pictures beside one another."""

    heading: str
    """Stands to their left; it is broken into lines."""
    pictures: Sequence[Image.Image | None]
    """One for each column; none for an empty place."""


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
    lines = _broken(title, columns * step_x - _MARGIN, _TITLE)
    top = _MARGIN + _height(lines, _TITLE)
    sheet = Image.new("RGB", (_MARGIN + columns * step_x, top + rows * step_y + _MARGIN // 2), _PAPER)
    _write(sheet, lines, _MARGIN, _MARGIN // 2, size=_TITLE)
    draw = ImageDraw.Draw(sheet)
    for number, pair in enumerate(pairs):
        row, column = divmod(number, columns)
        for side, panel in enumerate(pair):
            left, upper = _MARGIN + column * step_x + side * (width + _GAP), top + row * step_y
            draw.text((left, upper + _HEADING), panel.heading, _INK, font=font_of_size(_HEADING), anchor="lm")
            sheet.paste(panel.picture, (left, upper + 2 * _HEADING - 2))
    return sheet


def grid_sheet(title: str, columns: Sequence[str], rows: Sequence[Row], *, caption: str = "") -> Image.Image:
    """Pictures in rows and columns, each column as wide as its widest picture and each row as high as its highest.

    Args:
        title: What the sheet shows; it is broken into lines.
        columns: A heading above each column, broken into lines.
        rows: As many pictures in each as there are columns.
        caption: Below all, broken into lines; a line end of its own begins a new one.
    """
    grid = _grid(columns, rows)
    above = _broken(title, max(grid.width, _LEAST_WIDTH), _TITLE)
    below = [line for part in caption.split("\n") for line in _broken(part, max(grid.width, _LEAST_WIDTH), _CAPTION)]
    width = max(grid.width, _width(above, _TITLE), _width(below, _CAPTION))
    top = _MARGIN + _height(above, _TITLE)
    bottom = top + grid.height + _GAP
    sheet = Image.new("RGB", (width + 2 * _MARGIN, bottom + _height(below, _CAPTION) + _MARGIN), _PAPER)
    _write(sheet, above, _MARGIN, _MARGIN // 2, size=_TITLE)
    sheet.paste(grid, (_MARGIN, top))
    _write(sheet, below, _MARGIN, bottom, size=_CAPTION, colour=_GREY)
    return sheet


def _grid(columns: Sequence[str], rows: Sequence[Row]) -> Image.Image:
    """The pictures with the headings of columns and rows."""
    pictures = [[row.pictures[place] for row in rows] for place in range(len(columns))]
    widths = [max([picture.width for picture in column if picture] or [0]) for column in pictures]
    above = [_broken(heading, width, _HEADING) for heading, width in zip(columns, widths, strict=True)]
    widths = [max(width, _width(lines, _HEADING)) for width, lines in zip(widths, above, strict=True)]
    beside = [_broken(row.heading, _ROW_HEADING, _HEADING) for row in rows]
    heights = [
        max([_height(lines, _HEADING), *(picture.height for picture in row.pictures if picture)])
        for row, lines in zip(rows, beside, strict=True)
    ]
    headings = max(_width(lines, _HEADING) for lines in beside)
    left = headings + 2 * _GAP if headings else 0
    top = max(_height(lines, _HEADING) for lines in above) + _GAP
    x_places = [left + sum(widths[:place]) + _GAP * place for place in range(len(widths))]
    y_places = [top + sum(heights[:place]) + _GAP * place for place in range(len(heights))]
    grid = Image.new("RGB", (x_places[-1] + widths[-1], y_places[-1] + heights[-1]), _PAPER)
    for lines, x in zip(above, x_places, strict=True):
        _write(grid, lines, x, top - _GAP - _height(lines, _HEADING), size=_HEADING)
    for row, lines, y in zip(rows, beside, y_places, strict=True):
        _write(grid, lines, 0, y, size=_HEADING)
        for picture, x in zip(row.pictures, x_places, strict=True):
            if picture is not None:
                grid.paste(picture, (x, y))
    return grid


def _write(sheet: Image.Image, lines: Sequence[str], left: int, top: int, *, size: int, colour: RGB = _INK) -> None:
    draw, font = ImageDraw.Draw(sheet), font_of_size(size)
    for number, line in enumerate(lines):
        draw.text((left, top + round(_LINE * size) * number), line, colour, font=font)


def _height(lines: Sequence[str], size: int) -> int:
    return round(_LINE * size) * len(lines)


def _width(lines: Sequence[str], size: int) -> int:
    """Pixels of the longest line."""
    font = font_of_size(size)
    return max([int(font.getlength(line)) + 1 for line in lines if line] or [0])


def _broken(text: str, width: int, size: int) -> list[str]:
    """Lines of whole words that fit into a width, as far as words do."""
    font = font_of_size(size)
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
