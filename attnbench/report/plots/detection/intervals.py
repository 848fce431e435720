"""APs of a detector's variants with their intervals, one row a variant: over all objects, and by their size."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attnbench.report.detection.board import DetectionRow
from attnbench.report.detection.figures import TESTED
from attnbench.report.detection.plotted import SIZES, PlottedDetector
from attnbench.report.detection.points import mark, points, signed_points
from attnbench.report.numbers import plural
from attnbench.report.plots.detection.words import baselines_of, drawn_of, settings_of, styles_of, trained
from attnbench.report.plots.interval_rows import RowPanel, RowValue, draw_interval_rows
from attnbench.stats.average_precision import PrecisionInterval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Panel = tuple[str, Callable[[DetectionRow], RowValue | None]]


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


def _figure(row: DetectionRow, name: str, *, masks: bool = False) -> RowValue | None:
    figures = row.mask if masks else row.box
    figure = figures[name] if figures else None
    if figure is None or figure.percent is None:
        return None
    return RowValue(value=figure.percent, interval=_ends(figure.interval), text=points(figure.percent))


def _difference(row: DetectionRow, *, masks: bool = False) -> RowValue | None:
    figures = row.mask if masks else row.box
    found = figures[TESTED].difference if figures else None
    if found is None:
        return None
    text = f"{signed_points(found.mean)} {mark(found)}".rstrip()
    return RowValue(value=found.mean, interval=_ends(found.interval), text=text, is_zero_marked=True)


def _draw(detector: PlottedDetector, panels: Sequence[_Panel], *, num_columns: int, caption: Sequence[str]) -> "Figure":
    rows, styles = detector.block.rows, styles_of(detector)
    found = [
        RowPanel(title=title, values={row.variant: value for row in rows if (value := value_of(row)) is not None})
        for title, value_of in panels
    ]
    figure, _ = draw_interval_rows(
        found,
        are_baselines=baselines_of(detector),
        colours={name: style.colour for name, style in styles.items()},
        title=detector.title,
        caption=caption,
        num_columns=num_columns,
    )
    return figure


def _ends(interval: PrecisionInterval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


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
