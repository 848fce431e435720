"""A plot of accuracy against cost, as PNG, SVG or PDF. Needs matplotlib, which is imported when it is used."""

import io
import textwrap
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from attnbench.errors import MissingDependencyError, SpecError, StoreError
from attnbench.report.plots.pareto import ParetoPoint, ParetoPoints, pareto_front
from attnbench.report.plots.pareto_marks import draw_front, draw_labels, draw_point, plain, styles_of
from attnbench.report.plots.pareto_notes import accuracy_label, cost_label, pareto_caption, pareto_title
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
_WIDTH_INCHES = 7.2
_AXES_INCHES = (0.72, 6.3, 4.0)
"""Left edge, width and height of the axes."""
_CAPTION_COLUMNS = 136
_TITLE_COLUMNS = 76
_LOGARITHMIC = 8.0
"""Largest cost over smallest from which costs stand on a logarithmic axis."""
_MOST_BAR = 1.5
"""How far bars may widen the vertical axis beyond the points, in parts of what the points span."""


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


def save_plot(points: ParetoPoints, file: Path) -> None:
    """Draw accuracy against cost into a file, whose suffix says what it becomes; what was there is replaced.

    Points are drawn with the quartiles of their steps and the interval of their accuracy over seeds, those of the
    Pareto front filled and joined by a line. Equal points give equal files.

    Args:
        points: What is drawn.
        file: Where it goes: .png, .svg or .pdf.

    Raises:
        SpecError: If the suffix is another one.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If the file cannot be written.
    """
    check_plot(file)
    import matplotlib

    suffix, drawn = file.suffix.lower(), io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own settings would draw another plot
        matplotlib.rcParams.update(_STYLE)
        draw_plot(points).savefig(drawn, format=suffix[1:], dpi=200, metadata=_METADATA[suffix])
    try:
        write_whole(file, drawn.getvalue())
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror or error}") from error


def draw_plot(points: ParetoPoints) -> "Figure":
    """The plot as a figure of matplotlib's, in the style that matplotlib is set to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    horizontal, size = cost_label(points)
    low, high, has_cut_bars = _accuracy_limits(points.points)
    title = textwrap.wrap(pareto_title(points), _TITLE_COLUMNS)
    sentences = pareto_caption(points, has_cut_bars=has_cut_bars)
    caption = [line for sentence in sentences for line in textwrap.wrap(sentence, _CAPTION_COLUMNS)]
    left, width, height = _AXES_INCHES
    bottom = 0.62 + 0.145 * len(caption)
    figure = Figure(figsize=(_WIDTH_INCHES, bottom + height + 0.3 + 0.2 * len(title)))
    FigureCanvasAgg(figure)
    total = figure.get_figheight()
    axes = figure.add_axes((left / _WIDTH_INCHES, bottom / total, width / _WIDTH_INCHES, height / total))
    figure.text(0.02, 1 - 0.17 / total, plain("\n".join(title)), weight="bold", size=11, va="top")
    figure.text(0.02, 0.1 / total, plain("\n".join(caption)), size=7, color="#555555", linespacing=1.35)
    axes.set_xlabel(horizontal)
    axes.set_ylabel(accuracy_label(points))
    axes.grid(visible=True)
    axes.set_axisbelow(True)
    _scale(axes, points.points, size)
    axes.set_ylim(low, high)
    front = pareto_front(points.points)
    draw_front(axes, front, size)
    styles = styles_of(points.points)
    for point, style in zip(points.points, styles, strict=True):
        draw_point(axes, point, size, style, is_front=point in front)
    draw_labels(figure, axes, points.points, front, size, [colour for colour, _ in styles])
    return figure


def _accuracy_limits(points: Sequence[ParetoPoint]) -> tuple[float, float, bool]:
    """Ends of the vertical axis, and whether bars go on beyond it.

    Few seeds give bars so long that the points beside them would fall into one.
    """
    means = [point.top1_percent.mean for point in points]
    widths = [point.top1_percent.half_width or 0.0 for point in points]
    low = min(mean - width for mean, width in zip(means, widths, strict=True))
    high = max(mean + width for mean, width in zip(means, widths, strict=True))
    span = max(means) - min(means)
    ends = (max(low, min(means) - _MOST_BAR * span), min(high, max(means) + _MOST_BAR * span)) if span else (low, high)
    room = 0.08 * (ends[1] - ends[0]) or 0.5
    return ends[0] - room, ends[1] + room, low < ends[0] - room or high > ends[1] + room


def _scale(axes: "Axes", points: Sequence[ParetoPoint], size: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ends = [end / size for point in points for end in (point.cost, *(point.quartiles or ()))]
    low, high = min(ends), max(ends)
    if low > 0 and high > _LOGARITHMIC * low:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlim(low / (high / low) ** 0.08, high * (high / low) ** 0.08)
    else:
        room = 0.08 * (high - low) or 0.05 * high or 1.0
        axes.set_xlim(low - room, high + room)
