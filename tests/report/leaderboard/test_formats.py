"""The formats of a leaderboard but the terminal's: Markdown, LaTeX, CSV and JSON."""

import csv
import io
import json
import re

import pytest

from attnbench.report import leaderboard
from attnbench.report.leaderboard.flat import csv_text, json_text
from attnbench.report.leaderboard.latex import latex
from attnbench.report.leaderboard.markdown import markdown
from attnbench.report.leaderboard.table import leaderboard_table
from tests.records import make_record
from tests.report.leaderboard.further import further_board
from tests.report.leaderboard.test_table import clear, table_of

HOSTILE = r"a|b*_<script>`[x](y)$\input{z}%&#~^"


def hostile() -> str:
    """The name as a spec holds it."""
    return make_record(HOSTILE).spec.attention


def test_markdown_is_a_table_with_its_sentences() -> None:
    text = markdown(table_of(clear()))
    assert text.startswith("## cifar-resnet:depth=20 on fashion-mnist\n\n54,000 training")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0].startswith("| variant | rank | top-1 % ± 95 % | Δ top-1 95 % | p Holm | params (Δ) |")
    assert set(lines[1]) == set("| :-")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| sge", "| none (baseline)", "| ge", "| se"]
    assert {line.count("|") for line in lines} == {9}
    assert re.search(r"\*\*86\.\d\d\*\* ± 0\.\d\d \| \*\*\+\d\.\d\d\\\*\*\* \\\[", lines[2])
    assert "**" not in "".join(lines[3:])
    assert "\n\n\\* passes a permutation test" in text
    assert text.endswith("and not shown to be lower than any.\n")
    assert "Bold" not in markdown(table_of(clear(3)))


def test_markdown_shows_a_name_as_it_is() -> None:
    text = markdown(table_of([make_record("none"), make_record(HOSTILE)]))
    assert "<" not in text
    (line,) = (line for line in text.splitlines() if "script" in line and line.startswith("|"))
    assert line.startswith(r"| a\|b\*\_&lt;script&gt;\`\[x\](y)$\\input{z}%&amp;\#\~^ | ")


def test_latex_has_rules_and_bold_winners() -> None:
    text = latex(table_of(clear()), label="tab:mine")
    for words in (r"\toprule", r"\midrule", r"\bottomrule", r"\label{tab:mine}", r"\begin{tabular}{lrrrrrrr}"):
        assert text.count(words) == 1
    assert len(re.findall(r" & ", text)) == 7 * 5
    assert len(re.findall(r"\\textbf\{86\.\d\d\}~\$\\pm\$ 0\.\d\d & \\textbf\{\+\d\.\d\d\$\^\{\*\}\$\}~\[", text)) == 1
    assert text.count(r"\textbf") == 2
    assert "published" not in text


def test_latex_sets_a_name_as_it_is() -> None:
    text = latex(table_of([make_record("none"), make_record(HOSTILE)]), label="x")
    assert (
        r"a$|$b$^{*}$\_$<$script$>$`[x](y)\$\textbackslash{}input\{z\}\%\&\#\textasciitilde{}\textasciicircum{} & "
    ) in text
    assert text.isascii()


def test_latex_reads_no_name_as_an_option_of_the_row_before() -> None:
    text = latex(table_of([make_record("none"), make_record("[x]")]), label="x")
    assert "\n    {}[x] & " in text


def test_latex_sets_published_columns_apart() -> None:
    text = latex(table_of(clear(2, data="imagenet", backbone="resnet50")), label="x")
    assert r"\multicolumn{3}{c}{published} \\" in text
    assert r"\cmidrule(l){9-11}" in text
    assert r"params M & GFLOPs & top-1 \% \\" in text


def test_csv_holds_the_values_as_measured() -> None:
    board = leaderboard(clear())
    other = leaderboard(clear(2, data="imagenet", backbone="resnet50"))
    text = csv_text([board, other])
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["variant"] for line in lines[:4]] == [row.variant for row in board.rows]
    first, difference = lines[0], board.rows[0].top1_difference
    assert difference is not None
    assert float(first["top1_percent"]) == board.rows[0].top1_percent.mean
    assert float(first["top1_difference_low_percent"]) == difference.low
    assert (first["leaderboard"], first["data"], first["published_gflops"]) == ("1", "fashion-mnist", "")
    assert {line["variant"]: line["published_gflops"] for line in lines[4:]}["sge"] == "4.127"
    assert {len(line) for line in csv.reader(io.StringIO(text))} == {len(first)}


@pytest.mark.parametrize(
    ("name", "shown"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("-x", "'-x"), ("a=b", "a=b"), ("a\x1b[31m", "a\\x1b[31m")]
)
def test_csv_holds_no_formula_and_no_control_character(name: str, shown: str) -> None:
    text = csv_text([leaderboard([make_record("none"), make_record(name)])])
    assert {line["variant"] for line in csv.DictReader(io.StringIO(text))} == {"none", shown}


def test_json_turns_no_line_round_and_gives_back_the_same_name() -> None:
    name = "\u202egnp.exe\u2066\U000e0001é"
    text = json_text([leaderboard([make_record("none"), make_record(name)])])
    assert text.replace("\n", "").isprintable()
    assert {row["variant"] for row in json.loads(text)["leaderboards"][0]["rows"]} == {"none", name}
    assert "é" in text


def test_json_holds_every_pair_and_the_problems() -> None:
    board = leaderboard(clear())
    content = json.loads(json_text([board], problems=["x is damaged"]))
    (found,) = content["leaderboards"]
    assert content["problems"] == ["x is damaged"]
    assert found["facts"]["spec"]["data"] == "fashion-mnist"
    assert [row["variant"] for row in found["rows"]] == [row.variant for row in board.rows]
    assert found["rows"][0]["digests"] == [record.digest for record in board.rows[0].records]
    assert len(found["differences"]) == 6
    pair = found["differences"][0]
    assert (pair["variant"], pair["other"], pair["is_shown"]) == ("sge", "ge", True)
    assert pair["p_corrected"] == board.differences[0].p_corrected
    assert found["notes"] == list(leaderboard_table(board).notes)
    few = json.loads(json_text([leaderboard(clear(3))]))
    assert few["leaderboards"][0]["differences"][0]["smallest_detectable"] is None


def test_markdown_has_a_table_of_each_further_measurement() -> None:
    text = markdown(leaderboard_table(further_board()))
    top, localisation, robustness = text.split("\n### ")
    assert "Grad-CAM" not in top
    assert localisation.startswith(
        "Localisation\n\n| variant | Grad-CAM on object % ± 95 % | Δ 95 % | Grad-CAM IoU % ± 95 % | "
    )
    rows = [line for line in localisation.splitlines() if line.startswith("| ")][2:]
    assert [line.split(" | ")[0].removeprefix("| ") for line in rows[-3:]] == [
        "control: random", "control: centre", "control: image",
    ]  # fmt: skip
    assert "none (baseline)" in localisation
    assert robustness.startswith("Robustness\n\n| variant | noise % ± 95 % | Δ 95 % | blur % ± 95 % | Δ 95 % |")
    assert len([line for line in robustness.splitlines() if line.startswith("| ")]) == 2 + 3


def test_latex_has_a_float_of_each_further_measurement() -> None:
    text = latex(leaderboard_table(further_board()), label="tab:x")
    assert re.findall(r"\\label\{(.*)\}", text) == ["tab:x", "tab:x-localisation", "tab:x-robustness"]
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == text.count(r"\bottomrule") == 3
    assert r"\caption{Robustness of cifar-resnet:depth=20 on fashion-mnist.}" in text
    assert r"$\sigma$ of a Gaussian" in text
    assert text.isascii()
    for table in text.split(r"\begin{table}")[1:]:
        (columns,) = re.findall(r"\\begin\{tabular\}\{(lr*)\}", table)
        rows = table.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
        assert {row.count(" & ") for row in rows} == {len(columns) - 1}


def test_csv_and_json_have_further_measurements_as_measured() -> None:
    board = further_board()
    (line,) = (line for line in csv.DictReader(io.StringIO(csv_text([board]))) if line["variant"] == "sge")
    assert board.localisation is not None
    assert board.robustness is not None
    maps, corrupted = board.localisation.variants["sge"], board.robustness.variants["sge"]
    difference = maps["grad-cam"].energy.difference
    assert difference is not None
    for key, value in {
        "grad_cam_on_object_percent": maps["grad-cam"].energy.percent,
        "grad_cam_on_object_difference_low_percent": difference.low,
        "attention_iou_percent": maps["attention"].iou.percent,
        "centre_on_object_percent": board.localisation.controls["centre"].energy.percent,
        "blur_top1_percent": corrupted["blur"].top1.percent,
        "blur_top1_high_percent": corrupted["blur"].top1.high,
        "clutter_top1_retained_percent": corrupted["clutter"].retained_percent,
    }.items():
        assert float(line[key]) == value, key
    assert (line["attention_layer"], line["noise_top1_test"]) == ("layer3.2", "permutation")
    assert len(set(line)) == len(line)
    (content,) = json.loads(json_text([board]))["leaderboards"]
    assert content["localisation"]["object_share_percent"] == 12.0
    assert set(content["localisation"]["controls"]) == {"random", "centre", "image"}
    found = content["robustness"]
    assert found["strengths"]["noise"] == [0.25, 0.5, 1.0]
    by_strength = [score["percent"] for score in found["by_strength"]["noise"]["sge"]]
    assert sum(by_strength[1:]) / 3 == pytest.approx(found["variants"]["sge"]["noise"]["top1"]["percent"])
    assert any("Score-CAM" in note for note in content["notes"])


def test_what_was_not_measured_leaves_no_trace() -> None:
    board = leaderboard(clear(2))
    assert not leaderboard_table(board).parts
    (content,) = json.loads(json_text([board]))["leaderboards"]
    assert set(content) == {"facts", "rows", "differences", "diverged", "notes"}
    for text in (csv_text([board]), markdown(leaderboard_table(board)), latex(leaderboard_table(board), label="x")):
        assert not re.search("grad|robust|locali", text, re.IGNORECASE)
