"""The table of an ablation, its sentences, and its formats."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from attnbench.report.ablation.ablation import Ablation, ablation
from attnbench.report.ablation.flat import ablation_csv, ablation_json
from attnbench.report.ablation.notes import notes, outcome
from attnbench.report.ablation.table import ablation_table
from attnbench.report.leaderboard.markdown import markdown
from attnbench.report.leaderboard.terminal import render_table
from tests.report.ablation.designs import DESIGNS, GROUPS, INIT, NORMALIZATION, STAGES, ablation_of, records_of

WORSE = {"sge:groups=1": 84.0, "none": 84.5}


def show(found: Ablation, *, width: int, encoding: str = "utf-8") -> str:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render_table(ablation_table(found), again="The same command."))
    pipe.seek(0)
    return pipe.read()


def test_the_table_has_both_differences_and_marks_the_reference() -> None:
    table = ablation_table(ablation_of(GROUPS, WORSE))
    assert table.title == "Ablation of groups: sge:groups=4 in cifar-resnet:depth=20 on fashion-mnist"
    assert table.names == ("none", "groups=1", "groups=2", "groups=4 (reference)", "groups=8", "groups=16")
    assert table.baseline == "none"
    assert [column.header for column in table.columns] == [
        "top-1 %", "Δ reference", "p", "Δ baseline", "p", "params", "MMACs", "images/s",
    ]  # fmt: skip
    reference, baseline = table.columns[1], table.columns[3]
    assert [bool(cell.text) for cell in reference.cells] == [False, True, True, False, True, True]
    assert [bool(cell.text) for cell in baseline.cells] == [False, True, True, True, True, True]
    assert reference.cells[1].text.endswith("*")
    assert not any(cell.stands_out for column in table.columns for cell in column.cells)
    keys = [key for column in table.columns for key in column.keys]
    assert len(keys) == len(set(keys))


def test_says_which_differences_to_the_reference_are_shown() -> None:
    assert outcome(ablation_of(GROUPS, WORSE)) == (
        "Of the 4 differences to the reference groups=4, over 10 seeds, these are shown: groups=1 (−0.98); no other is."
    )
    two = outcome(ablation_of(GROUPS, {**WORSE, "sge:groups=16": 86.0}))
    assert "these are shown: groups=1 (−0.98) and groups=16 (+1.03); the others are not." in two
    every = outcome(ablation_of(INIT, {"sge:groups=4": 80.0}))
    assert every.startswith("Of the 3 differences to the reference gate_scale_init=0.0,gate_shift_init=1.0, over")
    assert every.endswith("; all are.")


def test_never_says_more_than_the_statistics() -> None:
    assert outcome(ablation_of(GROUPS)) == "None of the 4 differences to the reference groups=4 is shown over 10 seeds."
    few = ablation_of(GROUPS, WORSE, num_seeds=3)
    assert outcome(few) == "None of the 4 differences to the reference groups=4 is shown over 3 seeds."
    said = notes(few)
    assert any(line.startswith("With 3 seeds no difference can be shown in 4 comparisons") for line in said)
    assert (
        "Differences to the baseline are corrected by themselves, for 5 comparisons, for which 8 seeds are needed."
        in (said)
    )
    pair = ablation_of(NORMALIZATION, {"sge:groups=4,normalize=false": 84.0})
    assert outcome(pair).startswith("The difference of normalize=false (−")
    assert outcome(pair).endswith(") to the reference normalize=true is shown over 10 seeds.")
    assert outcome(ablation_of(NORMALIZATION)).endswith(" to the reference normalize=true is not shown over 10 seeds.")


def test_one_seed_is_said_to_say_nothing_of_the_settings() -> None:
    found = ablation_of(GROUPS, {"sge:groups=1": 80.0}, num_seeds=1)
    assert outcome(found) == ""
    said = " ".join(notes(found))
    assert (
        "One seed shared with the reference groups=4: groups=1, groups=2, groups=8 and groups=16. By McNemar's" in said
    )
    assert "nothing is said of the modules" in said
    assert "is shown" not in said


def test_says_which_row_is_the_modules_default() -> None:
    assert "The module's default groups=64 does not fit this backbone; groups=16 is as near as it gets." in notes(
        ablation_of(GROUPS)
    )
    assert "The module's default is normalize=true." in notes(ablation_of(NORMALIZATION))
    beside = replace(GROUPS, default=None)
    assert "The module's default groups=64 is not among the rows." in notes(ablation(records_of(beside), beside))
    assert not any("default is" in line or "default stages" in line for line in notes(ablation_of(STAGES)))


def test_says_what_is_not_there() -> None:
    records = [record for record in records_of(GROUPS) if record.spec.attention not in ("none", "sge:groups=4")]
    design = replace(GROUPS, left_out=("groups=3 is left out: it does not fit x.",))
    said = notes(ablation(records, design))
    assert said[0] == "The reference groups=4 has no record here, so no differences to it are given."
    assert "No record here: groups=4." in said
    assert "groups=3 is left out: it does not fit x." in said
    assert "The baseline none has no record here, so no differences to it are given." in said


def test_the_same_answers_are_said_to_be_the_same() -> None:
    records = records_of(NORMALIZATION)
    same = [
        replace(record, test_correct=other.test_correct)
        for record, other in zip(records[20:], records[10:20], strict=True)
    ]
    said = notes(ablation([*records[:20], *same], NORMALIZATION))
    assert "The same answers as the reference normalize=true on every image after every seed: normalize=false." in said


def test_ends_with_the_notes_of_a_leaderboard() -> None:
    said = notes(ablation_of(GROUPS))
    assert said[-3].startswith("This is a short run (10 seeds, 6 epochs)")
    assert said[-2].startswith("MACs follow fvcore's default rules")
    assert said[-1].startswith("images/s is inference at batch 64")


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("design", DESIGNS, ids=[design.kind for design in DESIGNS])
def test_nothing_is_cut_off(design: object, width: int) -> None:
    text = show(ablation_of(design, WORSE), width=width)  # type: ignore[arg-type]
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        assert "(reference)" in text
    if width >= 120:
        assert "Holm" in text


def test_an_ascii_console_is_enough() -> None:
    text = show(ablation_of(STAGES), width=80, encoding="ascii")
    assert "stages 1-3" in text
    assert "diff reference" in text


def test_markdown_has_a_row_for_each() -> None:
    lines = [line for line in markdown(ablation_table(ablation_of(STAGES))).splitlines() if line.startswith("|")]
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| none (baseline)", "| stage 1", "| stage 2", "| stages 1–2", "| stages 1–3 (reference)",
    ]  # fmt: skip


def test_csv_holds_the_values_as_measured_and_the_settings() -> None:
    found = ablation_of(GROUPS, WORSE)
    lines = list(csv.DictReader(io.StringIO(ablation_csv(found))))
    assert [line["variant"] for line in lines] == ["none", *(point.variant for point in GROUPS.points)]
    assert [line["setting_groups"] for line in lines] == ["", "1", "2", "4", "8", "16"]
    assert {line["reference"] for line in lines} == {"sge:groups=4"}
    first = found.to_reference["groups=1"]
    assert float(lines[1]["reference_top1_difference_percent"]) == first.mean
    assert float(lines[1]["reference_p_corrected"]) == first.p_corrected
    assert float(lines[1]["top1_percent"]) == found.rows["groups=1"].top1_percent.mean
    stages = list(csv.DictReader(io.StringIO(ablation_csv(ablation_of(STAGES)))))
    assert [line["setting_stages"] for line in stages] == ["", "1", "2", "1,2", "1,2,3"]
    pair = list(csv.DictReader(io.StringIO(ablation_csv(ablation_of(NORMALIZATION)))))
    assert [line["setting_normalize"] for line in pair] == ["", "true", "false"]


def test_json_holds_the_design_and_every_comparison() -> None:
    found = ablation_of(INIT)
    content = json.loads(ablation_json(found))
    assert content["design"]["points"][0] == {"variant": "sge:gate_shift_init=0.0,groups=4", "values": [0.0, 0.0]}
    assert [row["setting_gate_scale_init"] for row in content["rows"]] == [None, 0.0, 0.0, 1.0, 1.0]
    assert content["rows"][0]["digests"] == [record.digest for record in found.board.rows[0].records]
    assert [one["variant"] for one in content["to_reference"]] == list(found.to_reference)
    assert len(content["differences"]) == 10
    assert content["notes"] == notes(found)


def test_needs_no_torch() -> None:
    code = (
        "import sys, attnbench.report.ablation.plots, attnbench.report.ablation.flat\n"
        "heavy = {'torch', 'lightning', 'timm'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
