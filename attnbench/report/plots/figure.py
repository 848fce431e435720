"""What all plots share: their style, the frame of title, axes and caption, and files that are written whole.

They need matplotlib, which is imported when it is used.
"""

import io
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from attnbench.errors import MissingDependencyError, SpecError, StoreError
from attnbench.printable import printable
from attnbench.store import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What would make two files of one plot differ is left out.
_METADATA = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
_STYLE = {
    "axes.edgecolor": "#555555",
    "axes.formatter.useoffset": False,
    "axes.labelcolor": "#222222",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "pdf.fonttype": 42,  # text that stays text, which publishers ask for
    "svg.hashsalt": "attnbench",
    "text.parse_math": False,  # a name is never read as markup
    "xtick.color": "#555555",
    "ytick.color": "#555555",
}
WIDTH_INCHES = 7.2
"""Width of every plot."""
LEFT_INCHES = 0.72
"""Left edge of the axes, where nothing but numbers stands beside them."""
RIGHT_INCHES = 0.18
"""Room to the right of the axes."""
BELOW_INCHES = 0.62
"""Room below the axes for their numbers and their label."""
_PANEL_TITLE_INCHES = 0.3
"""Room for the title of axes that stand beside others."""
_CAPTION_COLUMNS = 136
_TITLE_COLUMNS = 70


def check_plot(file: Path) -> None:
    """Hold a plot's file to what can be drawn, before hours of measuring.

    Args:
        file: Where the plot shall go.

    Raises:
        SpecError: If the file's suffix is not .png, .svg or .pdf.
        MissingDependencyError: If matplotlib is not installed.
    """
    if file.suffix.lower() not in _METADATA:
        raise SpecError(f"a plot is a file that ends in .png, .svg or .pdf; got {str(file)!r}")
    try:
        import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingDependencyError(
            f"a plot needs matplotlib: pip install attnbench[plot]; importing it says: {error}"
        ) from error


def save_figure(draw: Callable[[], "Figure"], files: Sequence[Path]) -> None:
    """Draw a figure once, in attnbench's style, and write it to files; what was there is replaced.

    Args:
        draw: Makes the figure. Equal figures give equal files.
        files: Where it goes; a file's suffix says what it becomes: .png, .svg or .pdf.

    Raises:
        SpecError: If a suffix is another one.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    for file in files:
        check_plot(file)
    with plot_style():
        figure = draw()
        for file in files:
            suffix, drawn = file.suffix.lower(), io.BytesIO()
            figure.savefig(drawn, format=suffix[1:], dpi=200, metadata=_METADATA[suffix])
            try:
                write_whole(file, drawn.getvalue())
            except OSError as error:
                raise StoreError(f"cannot write {file}: {error.strerror or error}") from error


@contextmanager
def plot_style() -> Iterator[None]:
    """Set matplotlib to the style of attnbench's plots, and back to what it was."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own settings would draw another plot
        matplotlib.rcParams.update(_STYLE)
        yield


def framed(
    *,
    title: str,
    caption: Sequence[str],
    height: float,
    left: float = LEFT_INCHES,
    right: float = RIGHT_INCHES,
    above: float = 0.0,
    below: float = BELOW_INCHES,
) -> tuple["Figure", "Axes"]:
    """A figure with its title above and its caption below empty axes.

    Args:
        title: What is shown of what; folded where it is long.
        caption: Sentences, each of which starts a line.
        height: Of the axes, inches.
        left: From the figure's edge to the axes, inches.
        right: Likewise.
        above: Between the title and the axes, inches.
        below: Between the axes and the caption, inches.
    """
    bottom, figure = _frame(title, caption, height=height + above, below=below)
    total = figure.get_figheight()
    axes = figure.add_axes(
        (left / WIDTH_INCHES, bottom / total, (WIDTH_INCHES - left - right) / WIDTH_INCHES, height / total)
    )
    return figure, axes


def framed_panels(
    *,
    title: str,
    caption: Sequence[str],
    panels: Sequence[str],
    num_columns: int,
    height: float,
    left: float = LEFT_INCHES,
    right: float = RIGHT_INCHES,
    gap: float = LEFT_INCHES,
    above: float = 0.0,
) -> tuple["Figure", list["Axes"]]:
    """A figure with its title above and its caption below empty axes, which stand beside and below each other.

    Args:
        title: What is shown of what; folded where it is long.
        caption: Sentences, each of which starts a line.
        panels: A title for each of the axes.
        num_columns: Axes beside each other.
        height: Of each of the axes, inches.
        left: From the figure's edge to the first axes, inches.
        right: Likewise on the other side.
        gap: Between two axes beside each other, inches.
        above: Between the title and the axes, inches.
    """
    num_rows = -(-len(panels) // num_columns)
    step = height + BELOW_INCHES + _PANEL_TITLE_INCHES
    bottom, figure = _frame(title, caption, height=num_rows * step - BELOW_INCHES + above, below=BELOW_INCHES)
    total = figure.get_figheight()
    width = (WIDTH_INCHES - left - right - (num_columns - 1) * gap) / num_columns
    found = []
    for place, text in enumerate(panels):
        row, column = divmod(place, num_columns)
        x, y = left + column * (width + gap), bottom + (num_rows - 1 - row) * step
        axes = figure.add_axes((x / WIDTH_INCHES, y / total, width / WIDTH_INCHES, height / total))
        axes.set_title(printable(text), size=9, loc="left")
        found.append(axes)
    return figure, found


def _frame(title: str, caption: Sequence[str], *, height: float, below: float) -> tuple[float, "Figure"]:
    """A figure with title and caption, and so many inches of room between them; also where that begins."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    titles = textwrap.wrap(title, _TITLE_COLUMNS, break_on_hyphens=False)
    captions = [line for sentence in caption for line in textwrap.wrap(sentence, _CAPTION_COLUMNS)]
    bottom = below + 0.145 * len(captions)
    figure = Figure(figsize=(WIDTH_INCHES, bottom + height + 0.3 + 0.2 * len(titles)))
    FigureCanvasAgg(figure)
    total = figure.get_figheight()
    figure.text(0.02, 1 - 0.17 / total, printable("\n".join(titles)), weight="bold", size=11, va="top")
    figure.text(0.02, 0.1 / total, printable("\n".join(captions)), size=7, color="#555555", linespacing=1.35)
    return bottom, figure


def text_sizes(texts: Sequence[str], *, size: float, weight: str = "normal") -> list[tuple[float, float]]:
    """Width and height that texts need, in points.

    Args:
        texts: Each of one or more lines.
        size: Of the letters, points.
        weight: ``normal`` or ``bold``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    canvas = FigureCanvasAgg(figure)
    drawn = [figure.text(0, 0, text, size=size, weight=weight) for text in texts]
    extents = [text.get_window_extent(canvas.get_renderer()) for text in drawn]
    return [(extent.width * 72 / figure.dpi, extent.height * 72 / figure.dpi) for extent in extents]
