"""The formats of a detection board but the terminal's: Markdown, LaTeX, CSV and JSON."""

import csv
import io
import json
import re

from attnbench.report.detection.board import detection_boards
from attnbench.report.detection.flat import csv_text, json_text
from attnbench.report.detection.latex import latex
from attnbench.report.detection.markdown import markdown
from attnbench.report.detection.table import detection_table
from tests.detection_records import make_detection_record
from tests.report.detection.records import board_of, some

HOSTILE = r"a|b*_<script>`[x](y)$\input{z}%&#~^"


def test_markdown_has_a_section_for_each_detector() -> None:
    text = markdown(detection_table(board_of(some(detectors=("faster-rcnn", "mask-rcnn")))))
    assert text.startswith("## Detection: faster-rcnn and mask-rcnn in resnet18 on cluttered-scenes\n\n600 training")
    assert re.findall(r"^### .*$", text, re.M) == ["### faster-rcnn", "### mask-rcnn"]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert [line.count("|") for line in lines] == [11] * 5 + [12] * 5
    assert lines[0].startswith(
        "| variant | body params<br>(Δ) | MMACs<br>(Δ) | images/s<br>× baseline | AP % ± 95 %<br>Δ"
    )
    assert re.search(r"^\| sge .*\d\.\d ± \d+\.\d<br>\+\d+\.\d†<br>\\\[\+\d+\.\d, \+\d+\.\d\\\] \|", lines[2])


def test_names_are_shown_as_they_are() -> None:
    table = detection_table(board_of([make_detection_record("none"), make_detection_record(HOSTILE)]))
    assert "<script" not in markdown(table)
    text = latex(table, label="x")
    assert r"\input" not in text
    assert text.isascii()


def test_latex_has_the_same_number_of_cells_in_every_row() -> None:
    table = detection_table(board_of(some(detectors=("faster-rcnn", "mask-rcnn"), data="coco", backbone="resnet50")))
    text = latex(table, label="tab:mine")
    for words in (r"\toprule", r"\bottomrule", r"\label{tab:mine}", r"\begin{tabular}{lrrrrrrrrrrrrrrr}"):
        assert text.count(words) == 1
    assert text.count(r"\midrule") == 2
    rows = [line for line in text.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {15}
    assert re.findall(r"\\multicolumn\{16\}\{l\}\{\\textit\{(.*?)\}\}", text) == ["faster-rcnn", "mask-rcnn"]
    (first, *_) = (row for row in rows if row.startswith("    sge"))
    # A detector without masks leaves their column empty, and what is published stands behind it.
    assert first.split(" & ")[10:12] == ["", "23.51"]


def test_csv_holds_the_values_as_measured() -> None:
    boards = detection_boards([*some(detectors=("faster-rcnn", "mask-rcnn")), *some(data="coco", backbone="resnet50")])
    lines = list(csv.DictReader(io.StringIO(csv_text(boards))))
    assert [(line["board"], line["detector"], line["variant"]) for line in lines[:3]] == [
        ("1", "faster-rcnn", row.variant) for row in boards[0].blocks[0].rows
    ]
    assert len(lines) == 9
    figure = boards[0].blocks[1].rows[0].box["ap_small"]
    assert figure.difference is not None
    assert figure.difference.interval is not None
    line = lines[3]
    assert float(line["ap_small_percent"]) == figure.percent
    assert float(line["ap_small_difference_low_percent"]) == figure.difference.interval.low
    assert line["ap_small_difference_excludes_zero_corrected"] == ""
    assert line["ap_difference_excludes_zero_corrected"] == "True"
    masks = boards[0].blocks[1].rows[0].mask
    assert masks is not None
    assert float(line["mask_ap75_percent"]) == masks["ap75"].percent
    assert (line["published_ap_percent"], lines[6]["published_ap_percent"]) == ("", "38.7")
    assert lines[0]["mask_ap_percent"] == ""


def test_json_holds_facts_rows_and_notes() -> None:
    boards = detection_boards(some())
    content = json.loads(json_text(boards, problems=["left"]))
    (board,) = content["detection"]
    assert content["problems"] == ["left"]
    assert board["facts"]["num_test_objects"]["all"] == 80
    assert board["facts"]["spec"]["recipe"]["epochs"] == 6
    assert [row["variant"] for row in board["rows"]] == [row.variant for row in boards[0].blocks[0].rows]
    assert board["rows"][0]["digests"] == [boards[0].blocks[0].rows[0].records[0].digest]
    assert any(note.startswith("One seed") for note in board["notes"])
