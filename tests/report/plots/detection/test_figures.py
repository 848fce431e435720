"""The numbers that the figures of a detector show, and the words around them."""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from attnbench.report.detection.board import DetectionRow
from attnbench.report.detection.plotted import PlottedDetector, loss_curve, precision_line, validation_curve
from attnbench.report.plots.detection.costs import draw_costs
from attnbench.report.plots.detection.curves import draw_learning_curves
from attnbench.report.plots.detection.intervals import draw_intervals, draw_sizes
from attnbench.report.plots.detection.precision_recall import draw_precision_recall
from attnbench.report.plots.detection.words import styles_of
from tests.detection_records import make_detection_record, make_matches
from tests.report.detection.records import board_of, some, trained
from tests.report.plots.boards import LONG, caption

DRAWN: dict[str, Callable[[PlottedDetector], Figure]] = {
    "curves": draw_learning_curves,
    "intervals": draw_intervals,
    "sizes": draw_sizes,
    "precision": draw_precision_recall,
    "macs": partial(draw_costs, cost="macs"),
}

pytestmark = pytest.mark.usefixtures("style")


def test_the_title_has_the_detectors_name_and_the_caption_its_settings() -> None:
    board = board_of([trained(record) for record in some(detectors=("retinanet:anchor_size=8,convolutions=1",))])
    for name, draw in DRAWN.items():
        figure = draw(PlottedDetector(board=board, block=board.blocks[0]))
        assert figure.texts[0].get_text() == "Detection: retinanet in resnet18 on cluttered-scenes", name
        assert "Detector: retinanet:anchor_size=8, convolutions=1." in caption(figure), name
    assert "Detector:" not in caption(draw_sizes(plotted()))


def plotted() -> PlottedDetector:
    board = board_of([trained(record) for record in some(2, detectors=("mask-rcnn",))])
    return PlottedDetector(board=board, block=board.blocks[0])


def lines(axes: object) -> dict[str, object]:
    """Lines of an axes by their colour."""
    return {to_hex(line.get_color()): line for line in axes.lines}  # type: ignore[attr-defined]


def colour_of(detector: PlottedDetector, row: DetectionRow) -> str:
    return styles_of(detector)[row.variant].colour.lower()


def test_each_loss_and_the_validation_have_axes_of_their_own() -> None:
    detector = plotted()
    figure = draw_learning_curves(detector)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "validation AP (%)", "loss_classifier", "loss_box_reg"
    ]  # fmt: skip
    for row in detector.block.rows:
        curves = [validation_curve(row), loss_curve(row, "loss_classifier"), loss_curve(row, "loss_box_reg")]
        for axes, curve in zip(figure.axes, curves, strict=True):
            line = lines(axes)[colour_of(detector, row)]
            assert tuple(line.get_xdata()) == curve.places  # type: ignore[attr-defined]
            assert line.get_ydata() == pytest.approx(curve.means)  # type: ignore[attr-defined]
    assert "AP of boxes on the 20 validation images" in caption(figure)
    assert "bands ± 1 standard deviation" in caption(figure)


def test_without_validation_there_are_losses_alone() -> None:
    board = board_of(some())
    figure = draw_learning_curves(PlottedDetector(board=board, block=board.blocks[0]))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["loss_classifier"]
    assert "validation" not in caption(figure)
    assert "bands" not in caption(figure)


def test_intervals_are_those_of_the_table_of_boxes_and_masks() -> None:
    detector = plotted()
    figure = draw_intervals(detector)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == [
        "AP (%)", "Δ AP to the baseline (points)", "mask AP (%)", "Δ mask AP to the baseline (points)"
    ]  # fmt: skip
    for figures, (value, difference) in (("box", figure.axes[:2]), ("mask", figure.axes[2:])):
        for row in detector.block.rows:
            found = getattr(row, figures)["ap"]
            drawn = [line for line in value.lines if to_hex(line.get_color()) == colour_of(detector, row)]
            assert tuple(drawn[0].get_xdata()) == (found.interval.low, found.interval.high)
            assert tuple(drawn[1].get_xdata()) == (found.percent,)
            compared = [line for line in difference.lines if to_hex(line.get_color()) == colour_of(detector, row)]
            if row.is_baseline:
                assert compared == []
            else:
                interval = found.difference.interval
                assert tuple(compared[0].get_xdata()) == (interval.low, interval.high)
                assert tuple(compared[1].get_xdata()) == (found.difference.mean,)
    texts = {text.get_text() for text in figure.axes[1].texts}
    assert any(text.endswith("*") for text in texts)
    assert "Bonferroni's correction for 4 comparisons" in caption(figure)


def test_without_a_baseline_there_is_no_difference() -> None:
    board = board_of([make_detection_record("sge"), make_detection_record("se")])
    figure = draw_intervals(PlottedDetector(board=board, block=board.blocks[0]))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["AP (%)"]
    assert "baseline" not in caption(figure)
    assert "†" not in caption(figure)


def test_sizes_that_no_object_has_are_left_out() -> None:
    matches = make_matches(0.6, areas=("small", "large"))
    board = board_of([make_detection_record("none", matches=matches)])
    figure = draw_sizes(PlottedDetector(board=board, block=board.blocks[0]))
    objects = board.facts.num_test_objects
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        f"AP of {objects['small']} small (%)", f"AP of {objects['large']} large (%)"
    ]  # fmt: skip
    figures = board.blocks[0].rows[0].box
    for axes, name in zip(figure.axes, ("ap_small", "ap_large"), strict=True):
        assert axes.lines[-1].get_xdata() == [figures[name].percent]


def test_precision_is_drawn_against_recall_at_both_thresholds() -> None:
    detector = plotted()
    figure = draw_precision_recall(detector)
    for axes, iou in zip(figure.axes, (0.5, 0.75), strict=True):
        assert axes.get_title(loc="left") == f"IoU {iou}"
        for row in detector.block.rows:
            line = lines(axes)[colour_of(detector, row)]
            assert line.get_ydata() == pytest.approx(precision_line(row, iou).means)  # type: ignore[attr-defined]
    names = [f"{row.variant} (baseline)" if row.is_baseline else row.variant for row in detector.block.rows]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == names


def test_costs_say_how_they_came_about() -> None:
    detector = plotted()
    words = {cost: caption(draw_costs(detector, cost=cost)) for cost in ("parameters", "macs", "time")}
    assert "all parameters of the detector with 3 classes" in words["parameters"]
    assert "body and feature pyramid on an image of 192×192" in words["macs"]
    assert "one image at a time by detectors before training" in words["time"]
    assert all("95 % interval over the 16 test images and seeds" in text for text in words.values())


@pytest.mark.parametrize("name", DRAWN)
def test_words_stand_within_the_figure_and_hide_none(name: str) -> None:
    records = [trained(make_detection_record(variant, seed)) for variant in LONG for seed in range(2)]
    board = board_of(records)
    figure = DRAWN[name](PlottedDetector(board=board, block=board.blocks[0]))
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
    }
    boxes = [Text.get_window_extent(text) for text in texts if id(text) not in ticks]
    assert len(boxes) > 3
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.y1
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
