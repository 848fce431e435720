"""What attention modules do over a data set, layer by layer, as a figure.

The distributions before and after normalisation are those that the paper of SGE, https://arxiv.org/abs/1905.09646,
shows of a few groups. It needs matplotlib, which is imported when it is drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from attnbench.errors import SpecError
from attnbench.printable import printable
from attnbench.report.plots.figure import framed
from attnbench.visualize.histogram import Histogram, quantile
from attnbench.visualize.statistics import GateStatistics, LayerStatistics, TensorStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Span: TypeAlias = tuple[float, float]

SHOWN_SHARE = (0.01, 0.99)
"""Quantiles between which a distribution is drawn: single extreme values would make a spike of the others."""
_NUM_STEPS = 64
_MOST_LETTERS = 26
_ROW_INCHES, _HEADING_INCHES = 0.46, 0.3
_PANEL_SHARE = 0.085
"""Width of a small panel by that of all."""
_GAP = 0.025
_COLOURS = ("#999999", "#56b4e9", "#0072b2")
_CLOSED, _OPEN, _GREY = "#d55e00", "#009e73", "#555555"
_PANELS: Mapping[str, Sequence[tuple[str, Callable[[GateStatistics, int], float | None]]]] = {
    "closed, open": ((_CLOSED, lambda gate, units: gate.closed_share), (_OPEN, lambda gate, units: gate.open_share)),
    "dead": ((_GREY, lambda gate, units: len(gate.dead_units) / units),),
    "|r|": ((_GREY, lambda gate, units: gate.agreement.mean_correlation if gate.agreement else None),),
    "distinct": ((_GREY, lambda gate, units: gate.agreement.distinct_units / units if gate.agreement else None),),
}
"""What the small panels show of a gate and the number of its units, with the colour."""
_SHARED_WITHIN = 3.0
"""Layers share an axis where the widest distribution is at most so much wider than the narrowest."""


def plot_statistics(layers: Sequence[LayerStatistics], *, title: str = "Attention over the data set") -> "Figure":
    """Distributions of what the modules show, and what their gates do; a row for each layer.

    Args:
        layers: The statistics, at least of one layer.
        title: What it is of.

    Raises:
        SpecError: If there is no layer.
    """
    if not layers:
        raise SpecError("a plot of statistics needs at least one layer; got none")
    tensors = [tensor for layer in layers for tensor in layer.tensors]
    # Gates last, as they are what the others lead to.
    names = list(dict.fromkeys(tensor.name for tensor in sorted(tensors, key=lambda tensor: tensor.gate is not None)))
    longest = max(len(layer.layer) for layer in layers)
    figure, frame = framed(
        title=title,
        caption=_caption(layers),
        height=_ROW_INCHES * len(layers) + _HEADING_INCHES,
        left=0.25 + 0.075 * min(longest, _MOST_LETTERS),
        below=0.45,
    )
    frame.set_axis_off()
    panels = tuple(_PANELS) if any(tensor.gate is not None for tensor in tensors) else ()
    width = (1 - len(panels) * (_PANEL_SHARE + _GAP) - _GAP * (len(names) - 1)) / len(names)
    top = 1 - _HEADING_INCHES / (_ROW_INCHES * len(layers) + _HEADING_INCHES)
    for row, layer in enumerate(layers):
        frame.text(-0.02, top * (1 - (row + 0.6) / len(layers)), _short(layer.layer), ha="right", va="center", size=8)
    for column, name in enumerate(names):
        of_layers = [next((tensor for tensor in layer.tensors if tensor.name == name), None) for layer in layers]
        colour = _COLOURS[max(0, len(_COLOURS) - len(names) + column)]
        _draw_distributions(frame, name, of_layers, left=column * (width + _GAP), width=width, top=top, colour=colour)
    for place, panel in enumerate(panels):
        left = 1 - (len(panels) - place) * (_PANEL_SHARE + _GAP) + _GAP
        frame.text(left + _PANEL_SHARE / 2, 1, panel, ha="center", va="top", size=7, weight="bold")
        _draw_panel(frame.inset_axes((left, 0, _PANEL_SHARE, top)), panel, layers)
    return figure


def _caption(layers: Sequence[LayerStatistics]) -> list[str]:
    numbers = sorted({layer.num_images for layer in layers})
    images = f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"
    several = ""
    if any(sum(tensor.gate is not None for tensor in layer.tensors) > 1 for layer in layers):
        several = " A layer's gates stand below one another, in the order of the columns."
    return [
        f"{images} images. Distributions over all units, positions and images, from the 1st to the 99th "
        "percentile; each as high as its highest bin. Numbers at its ends where a layer has an axis of its own.",
        "closed (orange), open (green): share of gates below and above the thresholds, 0.05 and 0.95 unless set. dead: "
        "share of units whose gate is the same everywhere. |r|: mean correlation of two units' gates. distinct: so "
        f"many uncorrelated units would be as varied, as a share of all.{several}",
    ]


def _short(name: str) -> str:
    """A name that fits beside its row, without its middle where it is long: layers differ at either end."""
    shown, half = printable(name or "the model"), _MOST_LETTERS // 2
    return shown if len(shown) <= _MOST_LETTERS else f"{shown[:half]}…{shown[1 - half :]}"


def _draw_distributions(
    frame: "Axes",
    name: str,
    tensors: Sequence[TensorStatistics | None],
    *,
    left: float,
    width: float,
    top: float,
    colour: str,
) -> None:
    """One tensor's distribution in each layer, below one another."""
    known = [tensor.histogram for tensor in tensors if tensor is not None and tensor.histogram.counts]
    shared = _shared_span(known)
    frame.text(left + width / 2, 1, printable(name), ha="center", va="top", size=8, weight="bold")
    height = top / len(tensors)
    for row, tensor in enumerate(tensors):
        if tensor is None or not tensor.histogram.counts:
            continue
        axes = frame.inset_axes((left, top - (row + 1) * height + 0.3 * height, width, 0.66 * height))
        span = shared or _span(tensor.histogram)
        _draw_histogram(axes, tensor.histogram, span, colour)
        is_last = row == len(tensors) - 1
        axes.set_xlim(*span)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(labelsize=6, length=2, pad=1)
        ticks = _ticks(span) if shared else list(span)
        axes.set_xticks(ticks, [f"{tick:.3g}".replace("-", "−") for tick in ticks] if is_last or not shared else [])
        if not shared:
            for label, side in zip(axes.get_xticklabels(), ("left", "right"), strict=True):
                label.set_horizontalalignment(side)


def _draw_histogram(axes: "Axes", histogram: Histogram, span: Span, colour: str) -> None:
    edges = np.linspace(*span, _NUM_STEPS + 1)
    counts = np.array(histogram.counts, np.float64)
    bounds = histogram.low + histogram.bin_width * np.arange(len(counts) + 1)
    # Values are spread evenly over their bin, so that steps finer than the bins have no gaps.
    heights = np.diff(np.interp(edges, bounds, np.concatenate([[0], np.cumsum(counts)])))
    axes.stairs(heights / (heights.max() or 1), edges, fill=True, color=colour)
    axes.set_ylim(0, 1.02)


def _span(histogram: Histogram) -> Span:
    """Between the quantiles that are drawn, and never empty."""
    low, high = (quantile(histogram, share) for share in SHOWN_SHARE)
    least = max(histogram.bin_width, abs(low) * 1e-6) / 2
    return (low, high) if high - low > least else (low - least, high + least)


def _shared_span(histograms: Sequence[Histogram]) -> Span | None:
    """One span for all layers where they are about as wide; 0 to 1 for gates; none where they differ."""
    if not histograms:
        return None
    spans = [_span(histogram) for histogram in histograms]
    low, high = min(start for start, _ in spans), max(end for _, end in spans)
    # The last bin of a gate that reaches 1 ends beyond it.
    if all(histogram.low >= 0 and histogram.high <= 1 + histogram.bin_width for histogram in histograms):
        return 0.0, 1.0
    widths = [end - start for start, end in spans]
    return (low, high) if high - low <= _SHARED_WITHIN * min(widths) else None


def _ticks(span: Span) -> list[float]:
    from matplotlib.ticker import MaxNLocator

    return [tick for tick in MaxNLocator(4).tick_values(*span) if span[0] <= tick <= span[1]]


def _draw_panel(axes: "Axes", name: str, layers: Sequence[LayerStatistics]) -> None:
    """One number of each gate as bars, the gates of a layer below one another."""
    for row, layer in enumerate(layers):
        gates = [(tensor.gate, len(tensor.by_unit)) for tensor in layer.tensors if tensor.gate is not None]
        bars = [(colour, value(gate, units)) for gate, units in gates for colour, value in _PANELS[name]]
        height = 0.66 / max(1, len(bars))
        for number, (colour, value) in enumerate(bars):
            y = row + 0.3 + (number + 0.5) * height
            if value is None:
                axes.text(0.02, y, "–", size=6, va="center", color=_GREY)
            else:
                axes.barh(y, value, 0.85 * height, color=colour)
    axes.set(xlim=(0, 1), ylim=(len(layers), 0), yticks=[])
    axes.set_xticks([0, 1], ["0", "1"])
    axes.tick_params(labelsize=6, length=2, pad=1)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
