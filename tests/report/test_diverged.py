"""What tables say of runs that diverged."""

import csv
import io
import json
from dataclasses import replace

import pytest

from attnbench.diverged_record import AnyDivergedRun
from attnbench.report import Leaderboard, detection_boards, leaderboards
from attnbench.report.ablation.ablation import ablation
from attnbench.report.ablation.flat import ablation_csv
from attnbench.report.ablation.table import ablation_table
from attnbench.report.detection.diverged import without_board
from attnbench.report.detection.flat import csv_text as detection_csv
from attnbench.report.detection.flat import json_text as detection_json
from attnbench.report.detection.grouping import comparable as comparable_detectors
from attnbench.report.detection.table import detection_table
from attnbench.report.leaderboard.diverged import without_leaderboard
from attnbench.report.leaderboard.flat import csv_text, json_text
from attnbench.report.leaderboard.grouping import comparable
from attnbench.report.leaderboard.table import leaderboard_table
from attnbench.report.page import render_page
from attnbench.spec import PluginFile, Recipe
from tests.detection_records import make_detection_record
from tests.diverged_records import diverged_in_place_of
from tests.records import make_record
from tests.report.ablation.designs import GROUPS, records_of
from tests.report.detection.records import some

FLATTERS = "A variant without its seeds that diverged looks better than it is."
RECORDS = [make_record("none", 0), make_record("none", 1), make_record("sge", 0)]
LOST = [
    diverged_in_place_of(make_record("sge", 1)),
    diverged_in_place_of(make_record("se", 1), step=1234, epoch=6),
    diverged_in_place_of(make_record("se", 0), step=60),
]


def board(diverged: list[AnyDivergedRun]) -> Leaderboard:
    (found,) = leaderboards(RECORDS, diverged)
    return found


def diverged_notes(diverged: list[AnyDivergedRun]) -> list[str]:
    return [note for note in leaderboard_table(board(diverged)).notes if "diverged" in note]


def test_there_is_a_sentence_for_each_variant() -> None:
    assert diverged_notes(LOST) == [
        "se seeds 0 and 1 diverged at step 60 (epoch 2 of 6) and step 1234 (epoch 6 of 6) and are not in the table.",
        "sge seed 1 diverged at step 57 (epoch 2 of 6) and is not in the table.",
        FLATTERS,
    ]
    assert diverged_notes([]) == []


def test_the_table_itself_is_that_of_the_records() -> None:
    with_them, without = board(LOST), board([])
    assert replace(with_them, diverged=()) == without


def test_a_record_of_the_same_run_wins() -> None:
    assert diverged_notes([diverged_in_place_of(RECORDS[2])]) == []


def test_runs_of_other_conditions_are_not_the_tables() -> None:
    others: list[AnyDivergedRun] = [
        diverged_in_place_of(make_record("sge", 1, backbone="resnet18")),
        diverged_in_place_of(make_record("sge", 1, recipe=Recipe(epochs=6, learning_rate=0.5))),
        diverged_in_place_of(make_detection_record("sge", 1)),
    ]
    assert diverged_notes(others) == []
    assert without_leaderboard(comparable(RECORDS), others) == [
        "cifar-resnet:depth=20 on fashion-mnist: every run that is recorded has diverged, so there is no table. sge "
        "seed 1 diverged at step 57 (epoch 2 of 6).",
        "resnet18 on fashion-mnist: every run that is recorded has diverged, so there is no table. sge seed 1 diverged "
        "at step 57 (epoch 2 of 6).",
    ]
    assert without_leaderboard(comparable(RECORDS), LOST) == []


def test_contents_of_one_name_are_told_apart_as_in_the_table() -> None:
    plugins = [PluginFile(path="mine.py", sha256=2 * letter * 32) for letter in "abc"]
    records = [make_record("mine", seed, plugin=plugin) for seed in (0, 1) for plugin in plugins[:2]]
    runs = [diverged_in_place_of(make_record("mine", 2, plugin=plugin)) for plugin in plugins]
    (found,) = leaderboards(records, runs)
    assert [seeds.name for seeds in found.diverged] == ["mine@aaaaaaaa", "mine@bbbbbbbb", "mine@cccccccc"]
    (found,) = leaderboards([make_record("mine", plugin=plugins[0])], runs[:2])
    assert [seeds.name for seeds in found.diverged] == ["mine", "mine@bbbbbbbb"]


def test_the_same_file_under_another_path_is_one_run() -> None:
    files = [PluginFile(path=path, sha256="ab" * 32) for path in ("mine.py", "other.py")]
    runs = [diverged_in_place_of(make_record("mine", 1, plugin=file)) for file in files]
    (found,) = leaderboards([make_record("mine", plugin=files[0])], runs)
    assert [(seeds.name, len(seeds.runs)) for seeds in found.diverged] == [("mine", 1)]


def test_programs_get_them_by_variant_and_by_run() -> None:
    lines = csv.DictReader(io.StringIO(csv_text([board(LOST)])))
    assert {line["variant"]: line["num_diverged"] for line in lines} == {"none": "0", "sge": "1"}
    content = json.loads(json_text([board(LOST)], without_table=["others"]))
    assert content["without_table"] == ["others"]
    assert content["leaderboards"][0]["diverged"][1] == {
        "variant": "se",
        "seed": 1,
        "digest": LOST[1].digest,
        "loss": "training loss",
        "value": "nan",
        "step": 1234,
        "epoch": 6,
    }
    assert FLATTERS in content["leaderboards"][0]["notes"]


def test_the_page_has_them_below_its_tables_and_the_others_by_themselves() -> None:
    (detection,) = detection_boards(some(), [diverged_in_place_of(make_detection_record("sge", 1))])
    page = render_page([board(LOST)], [detection], store="records", without_table=["<b> has no table."])
    assert "<p>sge seed 1 diverged at step 57 (epoch 2 of 6) and is not in the table.</p>" in page
    assert "<p>sge in faster-rcnn seed 1 diverged at step 57 (epoch 2 of 6) and is not in the table.</p>" in page
    assert "<li>&lt;b&gt; has no table.</li>" in page
    assert "without a table" not in render_page([board(LOST)], store="records")


def test_detectors_are_named_as_in_their_board() -> None:
    narrow = "retinanet:pyramid_channels=16"
    runs = [
        diverged_in_place_of(make_detection_record("sge", 1)),
        diverged_in_place_of(make_detection_record("sge", 0)),
        diverged_in_place_of(make_detection_record("none", 0, detector=narrow)),
    ]
    (found,) = detection_boards(some(detectors=("faster-rcnn",)), [*runs, *LOST])
    notes = [note for note in detection_table(found).notes if "diverged" in note]
    assert notes == [
        "sge in faster-rcnn seed 1 diverged at step 57 (epoch 2 of 6) and is not in the table.",
        "none in retinanet seed 0 diverged at step 57 (epoch 2 of 6) and is not in the table.",
        FLATTERS,
    ]
    lines = csv.DictReader(io.StringIO(detection_csv([found])))
    assert {line["variant"]: line["num_diverged"] for line in lines} == {"none": "0", "se": "0", "sge": "1"}
    content = json.loads(detection_json([found]))
    assert [(run["detector"], run["variant"], run["seed"]) for run in content["detection"][0]["diverged"]] == [
        ("faster-rcnn", "sge", 1),
        (narrow, "none", 0),
    ]


def test_detectors_without_a_board_are_named() -> None:
    runs = [diverged_in_place_of(make_detection_record("sge", 1, backbone="resnet50")), *LOST]
    groups = comparable_detectors(some())
    assert without_board(groups, runs) == [
        "Detection: resnet50 on cluttered-scenes: every run that is recorded has diverged, so there is no table. sge "
        "in faster-rcnn seed 1 diverged at step 57 (epoch 2 of 6)."
    ]


@pytest.mark.parametrize(("weights", "is_there"), [("weights/sge.pth", True), ("others/sge.pth", False)])
def test_bodies_that_start_from_files_go_with_those_that_start_alike(weights: str, is_there: bool) -> None:
    records = [make_detection_record("none", seed, weights="weights/none.pth") for seed in (0, 1)]
    run = diverged_in_place_of(make_detection_record("sge", 1, weights=weights))
    (found,) = detection_boards(records, [run])
    assert bool(found.diverged) == is_there == (not without_board(comparable_detectors(records), [run]))


def test_an_ablation_names_them_by_its_rows() -> None:
    means = {"none": 84.0}
    records = [record for record in records_of(GROUPS, means) if record.spec.attention != "sge:groups=8"]
    lost = [
        diverged_in_place_of(record) for record in records_of(GROUPS, means) if record.spec.attention == "sge:groups=8"
    ]
    found = ablation(records, GROUPS, [*lost[:1], diverged_in_place_of(make_record("none", 99))])
    notes = [note for note in ablation_table(found).notes if "diverged" in note]
    assert len(notes) == 3
    assert "groups=8 seed 0 diverged at step 57 (epoch 2 of 6) and is not in the table." in notes
    assert FLATTERS in notes
    lines = csv.DictReader(io.StringIO(ablation_csv(found)))
    assert sum(int(line["num_diverged"]) for line in lines) == 1
