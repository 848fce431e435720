"""What the scripts of the page draw, and that it is what the plot files show."""

import re
from dataclasses import replace

import pytest

from attnbench.report.leaderboard.board import leaderboard
from attnbench.report.leaderboard.marks import COLOURS
from attnbench.report.leaderboard.plotted import (
    DIFFERENCE_LABEL,
    accuracy_label,
    cost_label,
    curve_of,
    validation_label,
)
from attnbench.report.page import render_page
from attnbench.report.page.runs import spec_words
from attnbench.report.plots.board_pareto import board_points
from attnbench.report.plots.variants import board_styles
from attnbench.spec import Recipe, RunSpec
from tests.records import make_record
from tests.report.page.test_page import Elements, page_of, records_of
from tests.report.plots.boards import SHORT, noisy_board

SHAPES = {
    "circle": "o", "square": "s", "triangle": "^", "diamond": "D", "turned-triangle": "v", "plus": "P", "cross": "X",
    "star": "*",
}  # fmt: skip


def test_drawn_numbers_are_those_of_the_records() -> None:
    (board,) = Elements(page_of(records_of(0, 1, none=85.0, sge=86.0))).data()
    sge, none = board["variants"]

    assert (sge["name"], none["name"]) == ("sge", "none")
    assert sge["score"] == pytest.approx(86.05)
    assert none["delta"] is None
    assert [seed["points"] for seed in sge["delta"]["seeds"]] == [1.0, 1.0]
    curves = board["curves"]["validation"]
    means = [point["mean"] for point in curves["lines"][0]]
    assert means == pytest.approx([86.05 * n / 6 for n in range(1, 7)], rel=1e-5)
    last = curves["lines"][0][-1]
    assert (last["low"], last["high"]) == pytest.approx((85.9793, 86.1207))
    assert last["text"] == "86.05 ± 0.07"
    assert curves["note"][0] == "mean ± 1 standard deviation over 2 seeds"
    assert board["costs"]["time"]["points"][0]["cost"] == pytest.approx(10 / 9)
    assert [point["is_front"] for point in board["costs"]["parameters"]["points"]] == [True, False]
    assert sge["runs"][1]["command"].startswith("attnbench train --from-record 'some records/")
    assert "attention: sge\n" in sge["runs"][1]["spec"]


def test_a_long_curve_is_drawn_through_some_of_its_epochs_and_the_last() -> None:
    record = make_record("sge", 0, 85.0, recipe=Recipe(epochs=300))
    values = replace(record.values, selected_epoch=123)
    (board,) = Elements(page_of([replace(record, values=values)])).data()
    (curve,) = board["variants"][0]["runs"][0]["curves"]
    epochs = [point["at"] for point in curve["lines"][0]["points"]]

    assert len(epochs) < 50
    assert {1, 123, 300} <= set(epochs)


def test_marks_are_those_of_the_plot_files_in_every_board() -> None:
    small, large = noisy_board(("none", "sge", "se")), noisy_board(SHORT)
    page = render_page([small, large], store="records")
    colours = dict(re.findall(r"^\.(colour-\w+) \{ --colour: (?:light-dark\()?(#\w+)", page, flags=re.MULTILINE))

    assert list(colours.values()) == [colour.lower() for colour in (*COLOURS, "#000000")]
    for board, data in zip((small, large), Elements(page).data(), strict=True):
        marks = {
            found["name"]: (colours[found["mark"]["colour"]], found["mark"]["shape"]) for found in data["variants"]
        }
        styles = board_styles(board)
        assert {name: (colour, SHAPES[shape]) for name, (colour, shape) in marks.items()} == {
            name: (style.colour.lower(), style.shape) for name, style in styles.items()
        }


def test_points_bands_and_axes_are_those_of_the_plot_files() -> None:
    board = noisy_board(SHORT)
    (data,) = Elements(render_page([board], store="records")).data()

    for cost in ("parameters", "macs", "time"):
        plot, points = data["costs"][cost], {point.variant: point for point in board_points(board, cost)}
        assert plot["axis"]["label"] == cost_label(board, cost)[0]
        for variant, found in zip(data["variants"], plot["points"], strict=True):
            quartiles = points[variant["name"]].quartiles
            assert found["cost"] == points[variant["name"]].cost
            assert found["quartiles"] == (None if quartiles is None else list(quartiles))
    plot = data["curves"]["validation"]
    for row, line in zip(board.rows, plot["lines"], strict=True):
        curve = curve_of(row)
        assert [point["low"] for point in line] == pytest.approx(curve.low, rel=1e-5)
        assert [point["high"] for point in line] == pytest.approx(curve.high, rel=1e-5)
    labels = [axis["label"] for axis in (data["scores"], plot["y"], data["deltas"])]
    assert labels == [accuracy_label(board), validation_label(board), DIFFERENCE_LABEL]


def test_a_spec_in_words_has_what_its_runs_share() -> None:
    spec = RunSpec(
        attention="ge:extent=8,parametric=false", backbone="resnet50", data="imagenet", seed=3,
        recipe=Recipe(epochs=1, batch_size=64, learning_rate=0.025),
    )  # fmt: skip

    assert spec_words("ge:extent=8,parametric=false@0123abcd", spec) == (
        "ge:extent=8,parametric=false@0123abcd in resnet50 on imagenet, 1 epoch, batch size 64, learning rate 0.025"
    )


def test_each_seed_has_the_digest_of_the_variants_run() -> None:
    records = [*records_of(0, 1, none=85.0), make_record("se", 1, 86.0), make_record("se", 4, 86.0)]
    (data,) = Elements(render_page([leaderboard(records)], store="records")).data()
    se = next(variant for variant in data["variants"] if variant["name"] == "se")

    assert [(seed["seed"], seed["digest"]) for seed in se["delta"]["seeds"]] == [(1, records[2].digest)]


def test_the_band_is_said_to_be_a_standard_deviation() -> None:
    words = " ".join(Elements(page_of(records_of(0, 1, none=85.0))).words)

    assert "bands ± 1 standard deviation over seeds" in words
    assert "highest seed" not in words
