"""The numbers and the places of what is drawn, read from the figures."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from attnbench.report.leaderboard.board import Leaderboard, leaderboard
from attnbench.report.plots.board_pareto import BoardCost, board_points, board_words, draw_board_pareto
from attnbench.report.plots.critical_differences import draw_critical_differences, joined
from attnbench.report.plots.figure import plot_style
from attnbench.report.plots.learning_curves import curve_of, draw_learning_curves
from attnbench.report.plots.seed_differences import draw_seed_differences, seed_differences
from attnbench.report.plots.variants import board_styles, label_of
from tests.records import make_record
from tests.report.plots.boards import LONG, MANY, SHORT, far_board, noisy_board, noisy_records

DRAWN: dict[str, Callable[[Leaderboard], Figure]] = {
    "curves": draw_learning_curves,
    "seeds": draw_seed_differences,
    "critical": draw_critical_differences,
}


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with plot_style():
        yield


def caption(figure: Figure) -> str:
    return " ".join(figure.texts[1].get_text().split())


def colours(board: Leaderboard) -> dict[str, str]:
    return {variant: style.colour for variant, style in board_styles(board).items()}


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


def test_curves_are_means_and_bands_standard_deviations_of_the_seeds() -> None:
    board = noisy_board(("none", "se"), num_seeds=4)
    figure = draw_learning_curves(board)
    axes = figure.axes[0]
    for row, line, band in zip(board.rows, axes.lines, axes.collections, strict=True):
        percents = np.array([[point.validation_top1_percent for point in record.curve] for record in row.records])
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
        assert line.get_ydata() == pytest.approx(percents.mean(0))
        assert line.get_color() == colours(board)[row.variant]
        corners = band.get_paths()[0].vertices
        deviation = percents.std(0, ddof=1)
        for epoch in range(1, 7):
            edges = corners[corners[:, 0] == epoch][:, 1]
            mean = percents.mean(0)[epoch - 1]
            assert (edges.min(), edges.max()) == pytest.approx(
                (mean - deviation[epoch - 1], mean + deviation[epoch - 1])
            )
    assert all(tick == int(tick) for tick in axes.get_xticks())
    assert "6 epochs at batch 128, 4 seeds. Lines are means over seeds, and bands ± 1 standard deviation" in caption(
        figure
    )


def test_one_seed_has_no_band_and_one_epoch_bars() -> None:
    alone = draw_learning_curves(noisy_board(num_seeds=1))
    assert len(alone.axes[0].collections) == 0
    assert "deviation" not in caption(alone)
    short = draw_learning_curves(noisy_board(num_epochs=1))
    assert len(short.axes[0].containers) == len(SHORT)
    assert "bars ± 1 standard deviation" in caption(short)
    assert [line.get_xdata()[0] for line in short.axes[0].lines[:1]] == [1]


def test_early_epochs_of_a_long_run_reach_below_the_axis_and_it_is_said() -> None:
    board = noisy_board(num_epochs=20)
    figure = draw_learning_curves(board)
    low, _ = figure.axes[0].get_ylim()
    curves = [curve_of(row) for row in board.rows]
    assert min(curve.low[4] for curve in curves) > low
    assert min(curve.low[0] for curve in curves) < low
    assert "epochs reach below the axis" in caption(figure)
    assert "below" not in caption(draw_learning_curves(noisy_board(num_epochs=9)))


def test_a_curve_is_over_the_seeds_that_have_the_epoch() -> None:
    long, short = noisy_records(("none",), num_seeds=2)
    board = leaderboard([long, type(short)(**{**_fields(short), "curve": short.curve[:2]})])
    curve = curve_of(board.rows[0])
    assert curve.epochs == (1, 2, 3, 4, 5, 6)
    assert curve.means[5] == long.curve[5].validation_top1_percent
    assert curve.deviations[1] > 0
    assert curve.deviations[5] == 0


def _fields(record: object) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}  # type: ignore[attr-defined]


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
