"""Means, bands and axes of learning curves, read from the figures."""

import numpy as np
import pytest

from attnbench.report.leaderboard.plotted import curve_of
from attnbench.report.plots.learning_curves import draw_learning_curves
from tests.report.plots.boards import SHORT, caption, colours, noisy_board

pytestmark = pytest.mark.usefixtures("style")


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
