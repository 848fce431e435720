"""The formats of a leaderboard but the terminal's: Markdown, LaTeX, CSV and JSON."""

import csv
import io
import json
import re

from attnbench.report import leaderboard
from attnbench.report.leaderboard.flat import csv_text, json_text
from attnbench.report.leaderboard.latex import latex
from attnbench.report.leaderboard.markdown import markdown
from attnbench.report.leaderboard.table import leaderboard_table
from tests.records import make_record
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
