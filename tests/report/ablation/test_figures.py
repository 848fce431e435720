"""The numbers and the places of what is drawn, read from the figures."""

from itertools import combinations
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from attnbench.report.ablation.ablation import Ablation, ablation
from attnbench.report.ablation.design import Design
from attnbench.report.ablation.group_figure import draw_group_figure
from attnbench.report.ablation.plots import save_ablation_figure
from attnbench.report.ablation.setting_figure import draw_setting_figure
from attnbench.report.leaderboard.plotted import paired_by_seed
from tests.report.ablation.designs import DESIGNS, GROUPS, INIT, NORMALIZATION, ablation_of, records_of
from tests.report.plots.boards import caption

pytestmark = pytest.mark.usefixtures("style")
MEANS = {"sge:groups=1": 84.0, "none": 84.5, "sge:groups=4,normalize=false": 84.0}


def drawn(found: Ablation) -> Figure:
    return draw_group_figure(found) if found.design.kind == "groups" else draw_setting_figure(found)


def circles(axes: Axes) -> list[Line2D]:
    """The markers of accuracies."""
    return [line for line in axes.lines if line.get_marker() == "o" and line.get_markersize() > 6]


@pytest.mark.parametrize("num_seeds", [1, 3, 10])
@pytest.mark.parametrize("design", DESIGNS, ids=[design.kind for design in DESIGNS])
def test_words_stand_within_the_figure_and_hide_none(design: Design, num_seeds: int) -> None:
    figure = drawn(ablation_of(design, MEANS, num_seeds=num_seeds))
    figure.canvas.draw()
    ticks = {
        id(text)
        for axes in figure.axes
        for axis in (axes.xaxis, axes.yaxis)
        for tick in axis.get_major_ticks()
        for text in (tick.label1, tick.label2)
    }
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and id(text) not in ticks]
    boxes = [Text.get_window_extent(text) for text in texts]
    assert len(boxes) >= 5
    for box in boxes:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in combinations(boxes, 2):
        width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(width, height) <= 1.5, (one, other)


def test_accuracy_stands_against_the_groups_and_the_reference_is_filled() -> None:
    found = ablation_of(GROUPS, MEANS)
    accuracy, cost = draw_group_figure(found).axes
    points = {
        float(x): (float(y), line.get_markerfacecolor())
        for line in circles(accuracy)
        for x, y in [line.get_xydata()[0]]
    }
    assert {x: y for x, (y, _) in points.items()} == {
        float(number): found.rows[f"groups={number}"].top1_percent.mean for number in (1, 2, 4, 8, 16)
    }
    assert [x for x, (_, face) in points.items() if face != "#ffffff"] == [4.0]
    assert accuracy.get_xscale() == cost.get_xscale() == "log"
    assert [text.get_text() for text in cost.get_xticklabels()] == ["1", "2", "4", "8", "16"]
    assert accuracy.get_xlim() == cost.get_xlim()


def test_the_baseline_is_a_band_of_its_interval() -> None:
    found = ablation_of(GROUPS, MEANS)
    assert found.board.baseline is not None
    top1 = found.board.baseline.top1_percent
    (band,) = draw_group_figure(found).axes[0].patches
    # A rectangle from matplotlib 3.9 on, a polygon before.
    y = band.get_patch_transform().transform_path(band.get_path()).vertices[:, 1]
    assert (y.min(), y.max()) == pytest.approx((top1.mean - (top1.half_width or 0), top1.mean + (top1.half_width or 0)))
    assert not draw_group_figure(ablation_of(GROUPS, num_seeds=1)).axes[0].patches


def test_reference_and_default_are_marked_and_stars_only_where_shown() -> None:
    words = [text.get_text() for text in draw_group_figure(ablation_of(GROUPS, MEANS)).axes[0].texts]
    assert {"reference", "default 64, here 16"} <= set(words)
    assert words.count("*") == 1
    few = draw_group_figure(ablation_of(GROUPS, MEANS, num_seeds=3))
    assert "*" not in [text.get_text() for text in few.axes[0].texts]
    assert "3 seeds are few." in caption(few)
    assert "no difference to it can be shown in 4 comparisons, however large: that takes 8 seeds." in caption(few)
    assert "*: the paired difference to it passes" not in caption(few)
    none = caption(draw_group_figure(ablation_of(GROUPS)))
    assert "No paired difference to it passes a permutation test over seeds at 5 %" in none


def test_costs_are_speeds_or_operations_where_these_differ() -> None:
    found = ablation_of(GROUPS)
    speeds = draw_group_figure(found)
    assert speeds.axes[1].get_ylabel() == "images/s (×)"
    medians = [float(line.get_ydata()[0]) for line in speeds.axes[1].lines if line.get_marker() == "o"]
    assert medians == [row.throughput_ratio.median for row in found.rows.values()]
    macs = {point.variant: 41_000_000 + 10_000 * place for place, point in enumerate(GROUPS.points)}
    operations = draw_group_figure(ablation(records_of(GROUPS, macs=macs), GROUPS))
    assert operations.axes[1].get_ylabel() == "MMACs"
    (line,) = operations.axes[1].lines[:1]
    assert [float(y) for y in line.get_ydata()] == pytest.approx([41.0, 41.01, 41.02, 41.03, 41.04])


def test_rows_have_the_paired_difference_of_every_seed() -> None:
    found = ablation_of(NORMALIZATION, MEANS)
    assert found.reference is not None
    accuracy, differences = draw_setting_figure(found).axes
    (seeds,) = (line for line in differences.lines if line.get_marker() == "o")
    expected = paired_by_seed(found.rows["normalize=false"], found.reference)
    assert [float(x) for x in seeds.get_xdata()] == list(expected.values())
    assert len(expected) == 10
    (mean,) = (line for line in differences.lines if line.get_marker() == "D")
    assert float(mean.get_xdata()[0]) == found.to_reference["normalize=false"].mean
    interval = [line.get_xdata().tolist() for line in differences.lines if line.get_linewidth() == 1.8]
    assert interval == [[found.to_reference["normalize=false"].low, found.to_reference["normalize=false"].high]]
    numbers = [text.get_text() for text in accuracy.texts]
    for row in found.rows.values():
        assert f"{row.top1_percent.mean:.2f} ± {row.top1_percent.half_width:.2f}" in numbers


def test_initial_values_are_grouped_by_the_first_setting() -> None:
    accuracy, _ = draw_setting_figure(ablation_of(INIT)).axes
    labels = [text.get_text() for text in accuracy.get_yticklabels()]
    assert labels[1] == "gate_scale_init=0.0,\ngate_shift_init=1.0\n(reference, default)"
    edges = [line.get_color() for line in accuracy.lines if line.get_linewidth() == 0.7]
    assert edges == ["#eeeeee", "#bbbbbb", "#eeeeee"]


def test_without_records_of_baseline_and_reference_the_others_are_drawn() -> None:
    for design in (GROUPS, INIT):
        records = [record for record in records_of(design) if record.spec.attention not in ("none", "sge:groups=4")]
        axes = drawn(ablation(records, design)).axes[0]
        assert len(circles(axes)) == len(design.points) - 1
        assert not axes.patches


def test_equal_ablations_give_equal_files(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        files = save_ablation_figure(ablation_of(NORMALIZATION, num_seeds=2), tmp_path / folder)
        assert [file.name for file in files] == ["ablation-normalization.png", "ablation-normalization.svg"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "one" / file.name).read_bytes()
