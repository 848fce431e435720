"""What the page shows of localisation and robustness."""

import re

import pytest

from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.page import render_page
from attnbench.report.page.further import localisation_plot, robustness_plots, run_tables
from tests.records import make_record
from tests.report.leaderboard.further import STRENGTHS, further_board
from tests.report.page.test_page import Elements, page_of, records_of


def page() -> str:
    return render_page([further_board()], store="records")


def test_each_table_has_its_rows_and_its_sentences() -> None:
    text = page()
    tables = re.findall(r'<table class="leaderboard part">.*?</table>', text, re.DOTALL)
    assert len(tables) == 2
    localisation, robustness = tables
    names = re.findall(r'<span class="name">(.*?)</span>', localisation)
    assert names[-3:] == ["control:<wbr> random", "control:<wbr> centre", "control:<wbr> image"]
    assert localisation.index('<tbody class="controls-body">') < localisation.index("control:")
    assert localisation.count("data-variant=") == robustness.count("data-variant=") == 3
    assert 'class="controls-body"' not in robustness
    assert "arXiv 1910.01279" in text
    assert "where accuracy nears chance" in text
    # Every row can be sorted by every column.
    for table, num_rows, num_columns in ((localisation, 6, 7), (robustness, 3, 9)):
        assert table.count("data-column=") == num_columns
        assert table.count("data-sort=") == num_rows * num_columns


def test_a_page_without_them_has_no_trace_of_them() -> None:
    text = page_of(records_of(0, 1, none=85.0, sge=86.0))
    assert 'class="leaderboard part"' not in text
    for name in ("plot-figures", "plot-robustness"):
        assert f'class="plot {name}"' not in text
    (board,) = Elements(text).data()
    assert (board["figures"], board["robustness"]) == (None, {})


def test_shares_on_the_object_are_drawn_with_the_controls() -> None:
    board = further_board()
    found, plot = board.localisation, localisation_plot(board)
    assert found is not None
    assert plot is not None
    assert [row.name for row in plot.rows] == ["Grad-CAM", "attention"]
    for row, kind in zip(plot.rows, ("grad-cam", "attention"), strict=True):
        for point, of_board in zip(row.points, board.rows, strict=True):
            maps = found.variants[of_board.variant]
            if kind not in maps:
                assert point is None
                continue
            assert point is not None
            assert point.value == pytest.approx(maps[kind].energy.percent, rel=1e-4)  # type: ignore[index]
            assert point.text.startswith(f"{row.name} on the object {point.value:.2f} ± ")
            assert ("Δ +" in point.text) == (kind == "grad-cam" and of_board.variant != "none")
    assert [(control.name, control.value) for control in plot.controls] == [
        (name, pytest.approx(found.controls[name].energy.percent, rel=1e-4))  # type: ignore[index]
        for name in ("random", "centre", "image")
    ]


def test_accuracy_is_drawn_from_the_clean_images_on() -> None:
    board = further_board()
    plots = robustness_plots(board)
    assert list(plots) == list(STRENGTHS)
    scores = top1_by_strength({row.variant: row.records for row in board.rows})["blur"]
    assert plots["blur"].x.low == 0.0
    assert min(value for value, _ in plots["blur"].x.ticks) == 0.0
    for line, row in zip(plots["blur"].lines, board.rows, strict=True):
        assert [point.at for point in line] == [0.0, *STRENGTHS["blur"]]
        assert [point.mean for point in line] == pytest.approx([one.percent for one in scores[row.variant]], rel=1e-4)
        assert all(point.low < point.mean < point.high for point in line)
    assert plots["blur"].note[0] == "mean over 7 seeds, 95 % interval over seeds and test images"
    assert robustness_plots(further_board(1))["blur"].note[0] == "1 seed, 95 % interval over test images alone"


def test_a_run_has_its_own_numbers() -> None:
    row = next(row for row in further_board().rows if row.variant == "sge")
    maps, layers, strengths = run_tables(row.records[0])
    assert maps.title == "Maps of the first 80 test images"
    assert [cells[:2] for cells in maps.rows] == [
        ("Grad-CAM", "layer3"), ("attention", "layer2.2"), ("random", "control"), ("centre", "control"),
        ("image", "control"),
    ]  # fmt: skip
    assert layers.title == "Attention of each layer, 100 validation images"
    assert layers.rows[0] == ("layer2.2", "20.00", "10.00")
    assert [cells[:2] for cells in strengths.rows[:3]] == [("noise", "0.25"), ("noise", "0.5"), ("noise", "1")]
    assert float(strengths.rows[0][2]) > float(strengths.rows[2][2])
    assert run_tables(make_record()) == ()
