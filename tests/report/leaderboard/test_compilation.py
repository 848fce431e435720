import csv
import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from attnbench.report import leaderboard
from attnbench.report.detection.flat import csv_text as detection_csv
from attnbench.report.detection.table import all_groups, detection_table
from attnbench.report.detection.terminal import render_detection
from attnbench.report.leaderboard.compilation import compile_columns
from attnbench.report.leaderboard.flat import csv_text
from attnbench.report.leaderboard.table import leaderboard_table
from attnbench.report.leaderboard.terminal import render
from attnbench.report.page import render_page
from attnbench.spec import Compute
from tests.detection_records import make_detection_record
from tests.records import make_record
from tests.report.detection.records import board_of

SECONDS = {"none": (0.0, 0.0, 0.0), "sge": (31.26, 2.0, 2.5)}
COMPILED = [
    make_record(name, seed, 85.0, compile_s=seconds)
    for name, of_seeds in SECONDS.items()
    for seed, seconds in enumerate(of_seeds)
]
PLAIN = [make_record(name, seed, 85.0) for name in SECONDS for seed in range(3)]


def text_of(rendered: object, width: int) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(rendered)
    return capture.get()


def test_a_variant_has_its_median_and_its_most_over_seeds() -> None:
    (column,) = compile_columns([[record for record in COMPILED if record.spec.attention == name] for name in SECONDS])
    assert (column.header, column.beside) == ("compile s", "(most)")
    assert [(cell.text, cell.beside, cell.raw) for cell in column.cells] == [
        ("0.0", "(0.0)", (0.0, 0.0)),
        ("2.5", "(31.3)", (2.5, 31.26)),
    ]
    (column,) = compile_columns([[make_record(compile_s=1234.5)]])
    assert (column.cells[0].text, column.cells[0].beside) == ("1,234", "(1,234)")


def test_where_nothing_was_compiled_there_is_no_column() -> None:
    assert compile_columns([PLAIN]) == ()
    assert "compile" not in text_of(render(leaderboard(PLAIN)), 200)
    assert "compile" not in csv_text([leaderboard(PLAIN)])


@pytest.mark.parametrize("width", [80, 120])
def test_a_leaderboard_says_what_was_compiled_and_how_long_it_took(width: int) -> None:
    text = " ".join(text_of(render(leaderboard(COMPILED)), width).split())
    assert "The attention modules are compiled, each by itself." in text
    assert "compile s is how long torch compiled for training, validation and tests: median over seeds" in text
    assert "31.3" in text
    (none, sge) = sorted(csv.DictReader(io.StringIO(csv_text([leaderboard(COMPILED)]))), key=lambda row: row["variant"])
    assert (none["compile_s"], sge["compile_s"], sge["most_compile_s"]) == ("0.0", "2.5", "31.26")


def test_whole_models_are_said_to_be_compiled() -> None:
    whole = [replace(record, spec=replace(record.spec, compute=Compute(compile="model"))) for record in COMPILED]
    assert "The models are compiled." in leaderboard_table(leaderboard(whole)).conditions


def test_a_page_tells_it_of_each_run() -> None:
    page = render_page([leaderboard(COMPILED)], (), store="records")
    assert page.count(json.dumps(["compiling", "31.3 s"], separators=(",", ":"))) == 1
    assert "compile s" in page
    assert '"compiling"' not in render_page([leaderboard(PLAIN)], (), store="records")


def test_a_detection_table_says_it_too() -> None:
    compiled = [
        make_detection_record(name, seed, compile_s=seconds)
        for name, of_seeds in SECONDS.items()
        for seed, seconds in enumerate(of_seeds)
    ]
    board, plain = board_of(compiled), board_of([make_detection_record(name) for name in SECONDS])
    assert ("compile s", "(most)") in all_groups(detection_table(board))
    assert ("compile s", "(most)") not in all_groups(detection_table(plain))
    text = " ".join(text_of(render_detection(board), 100).split())
    assert "The attention modules are compiled, each by itself." in text
    assert "compile s is how long torch compiled" in text
    assert "compile" not in text_of(render_detection(plain), 100)
    rows = {row["variant"]: row for row in csv.DictReader(io.StringIO(detection_csv([board])))}
    assert (rows["sge"]["compile_s"], rows["sge"]["most_compile_s"]) == ("2.5", "31.26")
