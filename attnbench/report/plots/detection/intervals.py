"""APs of a detector's variants with their intervals, one row a variant: over all objects, and by their size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnbench.report.detection.board import DetectionRow
from attnbench.report.detection.figures import TESTED
from attnbench.report.detection.plotted import SIZES, PlottedDetector
from attnbench.report.detection.points import mark, points, signed_points
from attnbench.report.numbers import plural
from attnbench.report.plots.detection.words import drawn_of, settings_of, styles_of, trained
from attnbench.report.plots.figure import framed_panels, text_sizes
from attnbench.report.plots.variants import label_of
from attnbench.stats.average_precision import PrecisionInterval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LABEL_SIZE = 8.0
"""Of the letters, in points like all lengths here."""
_LEAST_ROW = 22.0
"""Height of a row whose label has one line."""
_ROW_GAP = 6.0
"""Between the labels of two rows."""
_GAP_INCHES = 0.6
"""Between two axes beside each other, where the numbers of the first stand."""


@dataclass(frozen=True, kw_only=True)
class _Value:
    """A number of one variant."""

    value: float
    """The number."""
    interval: PrecisionInterval | None
    """Its interval, if it has one."""
    text: str
    """What stands at the end of the row."""
    is_zero_marked: bool = False
    """Whether it is a difference, which 0 says something of."""


_Panel = tuple[str, Callable[[DetectionRow], _Value | None]]


def draw_intervals(detector: PlottedDetector) -> "Figure":
    """AP and its difference to the baseline, of boxes and of masks, as a figure in the style set."""
    rows = detector.block.rows
    candidates: list[_Panel] = [
        ("AP (%)", lambda row: _figure(row, TESTED)),
        ("Δ AP to the baseline (points)", _difference),
        ("mask AP (%)", lambda row: _figure(row, TESTED, masks=True)),
        ("Δ mask AP to the baseline (points)", lambda row: _difference(row, masks=True)),
    ]
    panels = [panel for panel in candidates if any(panel[1](row) is not None for row in rows)]
    compared = any(row.box[TESTED].difference is not None for row in rows)
    return _draw(detector, panels, num_columns=2 if compared else 1, caption=_caption(detector, compared=compared))


def draw_sizes(detector: PlottedDetector) -> "Figure":
    """AP of small, medium and large objects as a figure, in the style that matplotlib is set to."""
    objects = detector.board.facts.num_test_objects

    def panel(name: str, area: str) -> _Panel:
        return f"AP of {objects[area]:,} {area} (%)", lambda row: _figure(row, name)

    found = [panel(name, area) for name, area in SIZES.items() if objects[area]]
    caption = [
        f"AP of boxes by the objects' area, up to 32² pixels, to 96², and above: {trained(detector)}.",
        f"Lines are 95 % intervals over {drawn_of(detector)}, of each alone.",
        *settings_of(detector),
    ]
    return _draw(detector, found, num_columns=len(found), caption=caption)


def _figure(row: DetectionRow, name: str, *, masks: bool = False) -> _Value | None:
    figures = row.mask if masks else row.box
    figure = figures[name] if figures else None
    if figure is None or figure.percent is None:
        return None
    return _Value(value=figure.percent, interval=figure.interval, text=points(figure.percent))


def _difference(row: DetectionRow, *, masks: bool = False) -> _Value | None:
    figures = row.mask if masks else row.box
    found = figures[TESTED].difference if figures else None
    if found is None:
        return None
    text = f"{signed_points(found.mean)} {mark(found)}".rstrip()
    return _Value(value=found.mean, interval=found.interval, text=text, is_zero_marked=True)


def _draw(detector: PlottedDetector, panels: Sequence[_Panel], *, num_columns: int, caption: Sequence[str]) -> "Figure":
    rows, styles = detector.block.rows, styles_of(detector)
    labels = [label_of(row.variant, is_baseline=row.is_baseline) for row in rows]
    sizes = text_sizes(labels, size=_LABEL_SIZE, weight="bold")
    heights = [max(_LEAST_ROW, height + _ROW_GAP) for _, height in sizes]
    centres = [sum(heights[:place]) + height / 2 for place, height in enumerate(heights)]
    figure, all_axes = framed_panels(
        title=detector.title,
        caption=caption,
        panels=[title for title, _ in panels],
        num_columns=num_columns,
        height=sum(heights) / 72,
        left=max(width for width, _ in sizes) / 72 + 0.25,
        gap=_GAP_INCHES,
        right=_GAP_INCHES,
    )
    for place, (axes, (_, value_of)) in enumerate(zip(all_axes, panels, strict=True)):
        axes.set_ylim(sum(heights), 0)  # downwards, so that the best is the uppermost
        axes.grid(visible=True, axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.set_yticks(centres, [] if place % num_columns else labels, fontsize=_LABEL_SIZE, color="#1a1a1a")
        axes.tick_params(axis="y", length=0)
        axes.margins(x=0.08)
        for row, centre in zip(rows, centres, strict=True):
            value = value_of(row)
            if value is not None:
                _draw_value(axes, value, styles[row.variant].colour, at=centre, is_bold=row.is_baseline)
    return figure


def _draw_value(axes: "Axes", value: _Value, colour: str, *, at: float, is_bold: bool) -> None:
    if value.is_zero_marked:
        axes.axvline(0, color="#555555", linewidth=1.0, zorder=2)
    if value.interval is not None:
        axes.plot([value.interval.low, value.interval.high], [at, at], color=colour, linewidth=1.8, zorder=3)
    axes.plot(value.value, at, marker="D", markersize=4.6, color=colour, zorder=5)
    axes.text(
        1.015,
        at,
        value.text,
        transform=axes.get_yaxis_transform(),
        ha="left",
        va="center",
        size=_LABEL_SIZE,
        weight="bold" if is_bold else "normal",
    )


def _caption(detector: PlottedDetector, *, compared: bool) -> list[str]:
    sentences = [
        f"AP on the {detector.board.facts.num_test_images:,} test images; {trained(detector)}.",
        f"Lines are 95 % intervals over {drawn_of(detector)}, of each alone.",
    ]
    if compared:
        number = plural(detector.block.num_comparisons, "comparison")
        sentences.append(
            "Of differences both sides meet the same drawn images. * and † say that 0 is excluded also after "
            f"Bonferroni's correction for {number}: * over seeds and images, † over the images of one seed, which says "
            "nothing of other seeds."
        )
    return [*sentences, *settings_of(detector)]
