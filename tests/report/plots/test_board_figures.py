"""The numbers and the places of what is drawn, read from the figures."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from attnbench.report.leaderboard.board import Leaderboard, leaderboard
from attnbench.report.leaderboard.plotted import BoardCost, seed_differences
from attnbench.report.plots.board_pareto import board_points, board_words, draw_board_pareto
from attnbench.report.plots.critical_differences import draw_critical_differences, joined
from attnbench.report.plots.learning_curves import draw_learning_curves
from attnbench.report.plots.seed_differences import draw_seed_differences
from attnbench.report.plots.variants import label_of
from tests.records import make_record
from tests.report.plots.boards import LONG, MANY, SHORT, caption, colours, far_board, noisy_board

DRAWN: dict[str, Callable[[Leaderboard], Figure]] = {
    "curves": draw_learning_curves,
    "seeds": draw_seed_differences,
    "critical": draw_critical_differences,
}

pytestmark = pytest.mark.usefixtures("style")


@pytest.mark.parametrize("names", [SHORT, LONG, MANY], ids=["short", "long", "many"])
@pytest.mark.parametrize("name", DRAWN)
def test_words_stand_within_the_figure_and_hide_none(name: str, names: tuple[str, ...]) -> None:
    figure = DRAWN[name](noisy_board(names, num_seeds=3))
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    # Numbers of ticks beyond the axes are not drawn, and matplotlib sees to the others.
    axes = [figure.axes[0].xaxis] if name == "seeds" else [figure.axes[0].xaxis, figure.axes[0].yaxis]
    ticks = {id(label) for axis in axes for tick in axis.get_major_ticks() for label in (tick.label1, tick.label2)}
    boxes = [Text.get_window_extent(text) for text in texts if id(text) not in ticks]
    assert len(boxes) >= len(names)
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in combinations(boxes, 2):
        width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(width, height) <= 1.5, (one, other)


@pytest.mark.parametrize("cost", ["parameters", "macs", "time"])
def test_accuracy_stands_against_the_costs_of_the_rows(cost: BoardCost) -> None:
    board = noisy_board()
    drawn = draw_board_pareto(board, cost)
    rows = {row.variant: row for row in board.rows}
    expected = {
        "parameters": {name: row.parameters / 1e3 for name, row in rows.items()},
        "macs": {name: row.macs / 1e6 for name, row in rows.items()},
        "time": {name: 1 / row.throughput_ratio.median for name, row in rows.items()},
    }[cost]
    markers = [line for line in drawn.axes[0].lines if line.get_marker() in {*"os^DvPX*"}]
    found = {to_hex(line.get_markeredgecolor()).upper(): line for line in markers}
    for name in SHORT:
        [x], [y] = found[colours(board)[name].upper()].get_data()
        assert (x, y) == pytest.approx((expected[name], rows[name].top1_percent.mean))


def test_time_is_the_inverse_of_the_speed_and_so_are_its_quartiles() -> None:
    board = leaderboard([
        make_record("none", 0, forward_ms=(10.0,) * 3, baseline_forward_ms=(10.0,) * 3),
        make_record("se", 0, forward_ms=(20.0, 24.0, 28.0, 32.0, 36.0), baseline_forward_ms=(10.0,) * 5),
    ])  # fmt: skip
    fast, slow = board_points(board, "time")
    assert (fast.variant, fast.cost, fast.is_baseline) == ("none", 1.0, True)
    assert (slow.variant, slow.cost) == ("se", pytest.approx(2.8))
    assert slow.quartiles == pytest.approx((2.4, 3.2), rel=1e-3)
    assert board_points(board, "macs")[0].quartiles is None


def test_words_of_the_costs() -> None:
    board = noisy_board()
    words = board_words(board, "macs")
    assert words.title == "cifar-resnet:depth=20 on fashion-mnist"
    assert (words.cost_label, words.unit) == ("multiply-accumulates of one image (MMACs)", 1e6)
    assert words.accuracy_label == "top-1 accuracy (%), mean over 3 seeds"
    assert words.caption[0] == "Cost: an image of 1×28×28, by fvcore's default rules, which leave out add."
    assert words.caption[1].startswith("Accuracy: 6 epochs at batch 128, 3 seeds; bars are 95 % intervals")
    assert board_words(board, "time").caption[0] == (
        "Cost: forward passes of 64 images in inference mode, each over one of the baseline beside it, on Example CPU "
        "3000, 1 thread; bars are quartiles of passes."
    )


def test_seeds_means_and_intervals_are_those_of_the_row() -> None:
    board = noisy_board(("none", "se", "sge"), num_seeds=6)
    axes = draw_seed_differences(board).axes[0]
    rows = [row for row in board.rows if not row.is_baseline]
    assert [label.get_text() for label in axes.get_yticklabels()] == [row.variant for row in rows]
    for number, row in enumerate(rows):
        difference = row.top1_difference
        assert difference is not None
        dots, interval, mean = (
            [line for line in axes.lines if line.get_color() == colours(board)[row.variant] or
             to_hex(line.get_markerfacecolor()).upper() == colours(board)[row.variant].upper()]
        )  # fmt: skip
        baseline = {record.spec.seed: record.values.test_top1_percent for record in board.baseline.records}  # type: ignore[union-attr]
        expected = [record.values.test_top1_percent - baseline[record.spec.seed] for record in row.records]
        assert dots.get_xdata() == pytest.approx(expected, abs=1e-9)
        assert np.mean(dots.get_xdata()) == pytest.approx(difference.mean)
        assert list(interval.get_xdata()) == [difference.low, difference.high]
        assert list(np.atleast_1d(mean.get_xdata())) == [difference.mean]
        assert all(axes.get_ylim()[1] < y < axes.get_ylim()[0] for y in dots.get_ydata()), number
    assert any(list(line.get_xdata()) == [0, 0] for line in axes.lines)


def test_a_star_stands_where_a_difference_is_shown() -> None:
    figure = draw_seed_differences(far_board(85.0, 86.0, 85.0))
    marks = {text.get_text() for text in figure.axes[0].texts}
    assert marks == {"+1.00 *", "0.00"}
    assert "* passes a permutation test over seeds at 5 % after Holm's correction for 2 comparisons." in caption(figure)
    one_seed = draw_seed_differences(far_board(85.0, 86.0, 85.0, num_seeds=1))
    assert {text.get_text() for text in one_seed.axes[0].texts} == {"+1.00 †", "0.00"}
    assert "Of one seed a line is the 95 % interval over test images alone" in caption(one_seed)


def test_only_shared_seeds_are_drawn_and_variants_without_are_named() -> None:
    records = [make_record("none", seed, 85.0) for seed in (0, 1)]
    records += [make_record("se", seed, 86.0) for seed in (1, 2)] + [make_record("sge", 5, 86.0)]
    board = leaderboard(records)
    se = next(row for row in board.rows if row.variant == "se")
    assert seed_differences(board, se) == {1: pytest.approx(1.0)}
    assert "No seed shared with the baseline, so not drawn: sge." in caption(draw_seed_differences(board))


def test_bars_join_the_variants_that_share_a_letter() -> None:
    board = far_board(85.0, 85.0, 86.0, 88.0, 88.0, num_seeds=9)
    groups = [[row.variant for row in group] for group in joined(board)]
    assert groups == [["v3", "v4"], ["v0", "v1"]]
    figure = draw_critical_differences(board)
    axes = figure.axes[0]
    means = {row.variant: row.top1_percent.mean for row in board.rows}
    bars = [line for line in axes.lines if line.get_linewidth() == 2.6]
    assert [list(bar.get_xdata()) for bar in bars] == [[means["v3"]] * 2, [means["v0"]] * 2]
    assert "Shown to differ from every other variant: v2." in caption(figure)
    assert "after Holm's correction for 10 comparisons of two variants." in caption(figure)


def test_leaders_go_from_the_mean_to_the_label_and_do_not_cross() -> None:
    board = noisy_board(MANY)
    axes = draw_critical_differences(board).axes[0]
    leaders = [line.get_xydata() for line in axes.lines if len(line.get_xdata()) == 3]
    labels = {text.get_text(): text.xy for text in axes.texts}
    assert len(leaders) == len(labels) == len(MANY)
    for row in board.rows:
        mean = row.top1_percent.mean
        [leader] = [leader for leader in leaders if leader[0, 0] == mean]
        edge, place = labels[f"{label_of(row.variant, is_baseline=row.is_baseline)}  {mean:.2f}"]
        assert leader[:2].tolist() == [[mean, 0.0], [mean, place]]
        assert leader[2].tolist() == [axes.get_xlim()[int(edge)], place]
    for one, other in combinations(leaders, 2):  # a horizontal part meets no upright one
        for (_, corner, end), (_, foot, _) in ((one, other), (other, one)):
            within = min(corner[0], end[0]) < foot[0] < max(corner[0], end[0])
            assert not (within and corner[1] < foot[1])


def test_says_when_there_are_too_few_seeds_for_any_difference() -> None:
    assert "With these seeds no difference can be shown in 21 comparisons, however large: that takes 10 seeds." in (
        caption(draw_critical_differences(noisy_board()))
    )
    assert "however large" not in caption(draw_critical_differences(far_board(85.0, 86.0, 87.0)))


@pytest.mark.parametrize("name", DRAWN)
def test_names_are_never_markup(name: str) -> None:
    hostile = ("none", "$x^2$", "<b>y", "[red]z")
    figure = DRAWN[name](noisy_board(hostile, num_seeds=2))
    figure.canvas.draw()
    texts = " ".join(text.get_text() for text in figure.findobj(Text))
    assert all(variant in texts for variant in hostile[1:])
    assert not any(text.get_parse_math() for text in figure.findobj(Text) if "$" in text.get_text())
