"""Detection boards in the page, as text: what they hold, and that records cannot write markup into them."""

import re

import pytest

from attnbench.detection_record import DetectionRecord
from attnbench.report.detection.board import detection_boards
from attnbench.report.detection.plotted import precision_line, seed_differences
from attnbench.report.detection.table import detection_table
from attnbench.report.leaderboard.board import leaderboards
from attnbench.report.page import render_page
from attnbench.report.page.detection.data import detection_views
from attnbench.spec import PluginFile
from tests.detection_records import make_detection_record
from tests.records import make_record
from tests.report.detection.records import board_of, some, trained
from tests.report.page.test_page import HOSTILE, Elements

DETECTORS = ("faster-rcnn", "mask-rcnn:anchor_size=16")


def records(num_seeds: int = 2) -> list[DetectionRecord]:
    """Three variants in two detectors; the second has no masks here."""
    return [trained(record) for record in some(num_seeds, detectors=DETECTORS, faults={"zero-area box": 2})]


def page_of(found: list[DetectionRecord], problems: tuple[str, ...] = (), store: str = "records") -> str:
    return render_page([], detection_boards(found), store=store, problems=problems)


def hostile(text: str) -> list[DetectionRecord]:
    plugin = PluginFile(path=text, sha256="ab" * 32)
    return [
        trained(
            make_detection_record(
                name, seed, skill, backbone=text, data=text, plugin=plugin if name == text else None, processor=text,
                device=text, platform=text, packages={"torch": text, text: text}, started_at=text, faults={text: 1},
                detector=f"faster-rcnn:name={text}",
            ),
            losses=(text, "loss_box_reg"),
        )
        for name, skill in (("none", 0.5), (text, 0.7))
        for seed in (0, 1)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def harmless() -> Elements:
    return Elements(page_of(hostile("harmless"), problems=("harmless",), store="harmless"))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_records_stays_text(text: str, harmless: Elements) -> None:
    found = Elements(page_of(hostile(text), problems=(text,), store=text))
    assert [tag for tag, _ in found.tags if tag != "wbr"] == [tag for tag, _ in harmless.tags if tag != "wbr"]
    names = [sorted(attributes) for tag, attributes in harmless.tags if tag != "wbr"]
    assert [sorted(attributes) for tag, attributes in found.tags if tag != "wbr"] == names
    shown = text.replace("\u2028", "\\u2028")
    (board,) = found.data()
    assert shown in [variant["name"] for variant in board["variants"]]
    assert shown in [plot["name"] for plot in board["curves"].values()]
    assert [shown, "1"] in board["variants"][0]["runs"][0]["tables"][-1]["rows"]


def test_names_that_are_no_unicode_and_control_characters_are_written_as_codes() -> None:
    page = page_of([trained(make_detection_record("none"), losses=("\udc80\x1b[31m",))])
    assert "\\udc80\\x1b[31m" in page
    page.encode("utf-8")


def test_the_table_holds_all_detectors_with_what_every_format_shows() -> None:
    board = board_of(records())
    table, page = detection_table(board), page_of(records())
    words = [" ".join(word.split()) for word in Elements(page).words]
    for text in (*table.conditions, *table.notes):
        assert " ".join(text.split()) in words
    for block in table.blocks:
        for group in block.groups:
            for column in group.columns:
                shown = {text for cell in column.cells for text in (cell.text, cell.beside)} - {""}
                assert shown <= set(words), column.header
    rows = re.findall(r'<td class="detector" data-sort="([^"]*)">', page)
    assert rows == ["faster-rcnn"] * 3 + ["mask-rcnn"] * 3
    assert "mask-rcnn:<wbr>anchor_size=16" in page


def test_rows_are_sorted_by_values_as_measured_and_differences_too() -> None:
    board = board_of(records())
    (view,) = detection_views([board])
    rows = [row for block in board.blocks for row in block.rows]
    groups = {group.header: group for group in view.groups}
    assert [cell.sort for cell in groups["AP %"].cells] == [str(row.box["ap"].percent) for row in rows]
    differences = [row.box["ap"].difference for row in rows]
    assert [cell.sort for cell in groups["AP %"].differences] == [
        "" if found is None else str(found.mean) for found in differences
    ]
    assert [cell.sort for cell in groups["images/s"].cells] == [str(row.throughput_ratio.median) for row in rows]
    assert [group.place for group in view.groups] == [2, 3, 4, *range(5, 17, 2)]


def test_places_in_a_row_are_those_that_headers_sort_by() -> None:
    page = page_of(records())
    body = page.partition("<tbody>")[2].partition("</tr>")[0]
    head = page.partition("<thead>")[2].partition("</thead>")[0]
    places = sorted(int(place) for place in re.findall(r'data-column="(\d+)"', head))
    assert places == list(range(len(re.findall("data-sort=", body))))


def test_masks_are_shown_where_there_are_any_and_other_detectors_have_an_empty_cell() -> None:
    board = board_of(some(detectors=("faster-rcnn", "mask-rcnn")))
    (view,) = detection_views([board])
    (masks,) = [group for group in view.groups if group.header == "mask AP %"]
    assert [cell.text == "" for cell in masks.cells] == [True] * 3 + [False] * 3
    assert view.data[1].figures is not None
    assert view.data[1].figures.rows[-1].name == "mask AP"
    assert "mask AP" not in [row.name for row in view.data[0].figures.rows]  # type: ignore[union-attr]


def test_rows_that_differ_beyond_the_correction_are_marked() -> None:
    (view,) = detection_views([board_of(records())])
    assert {row.variant: row.is_shown for row in view.rows} == {"none": True, "sge": True, "se": False}


def test_published_numbers_stand_beside_with_their_source() -> None:
    found = [make_detection_record(name, backbone="resnet50", data="coco") for name in ("none", "sge")]
    page = page_of(found)
    assert re.search(r'class="published"><span class="head">AP50 % <span class="beside-head">published', page)
    assert "arXiv 1905.09646" in page


def test_drawn_numbers_are_those_of_the_plot_files() -> None:
    board = board_of(records())
    for block, data in zip(board.blocks, Elements(page_of(records())).data(), strict=True):
        assert data["name"] == block.detector.partition(":")[0]
        assert [plot["name"] for plot in data["curves"].values()] == [
            "validation AP (%)", "loss_classifier", "loss_box_reg"
        ]  # fmt: skip
        for place, (row, variant) in enumerate(zip(block.rows, data["variants"], strict=True)):
            assert variant["score"] == row.box["ap"].percent
            curve = precision_line(row, 0.75)
            line = data["precision"]["iou-75"]["lines"][place]
            assert [point["mean"] for point in line] == pytest.approx(curve.means, rel=1e-5)
            assert [point["at"] for point in line if point["text"]] == list(range(0, 101, 10))
            if not row.is_baseline:
                assert block.baseline is not None
                expected = seed_differences(row, block.baseline)
                assert {seed["seed"]: seed["points"] for seed in variant["delta"]["seeds"]} == pytest.approx(
                    expected, rel=1e-5
                )
        first = data["figures"]["rows"][0]
        assert (first["name"], first["points"][0]["value"]) == ("AP", pytest.approx(data["variants"][0]["score"], 1e-5))


def test_a_run_shows_losses_matches_by_size_faults_spec_and_environment() -> None:
    record = trained(
        make_detection_record("sge", detector="mask-rcnn", mask_skill=0.5, faults={"zero-area box": 2, "no class": 0})
    )
    (board,) = Elements(page_of([record])).data()
    (run,) = board["variants"][0]["runs"]
    assert (run["score"], run["remark"]) == (
        f"AP {record.values.box.ap_percent:.1f} %", "6 epochs, 5 min of training"
    )  # fmt: skip
    losses, validation = run["curves"]
    assert [line["name"] for line in losses["lines"]] == ["loss_classifier", "loss_box_reg"]
    assert [point["value"] for point in losses["lines"][1]["points"]] == pytest.approx(
        [point.train_losses["loss_box_reg"] for point in record.curve], rel=1e-5
    )
    assert [point["at"] for point in validation["lines"][0]["points"]] == [2, 4, 6]
    boxes, masks, faults = run["tables"]
    assert [row[0] for row in boxes["rows"]] == ["all", "small", "medium", "large"]
    assert boxes["rows"][0][1] == f"{record.values.num_test_objects['all']:,}"
    assert masks["title"].startswith("Masks")
    assert faults["rows"] == [["zero-area box", "2"]]
    assert "detector: mask-rcnn\n" in run["spec"]
    assert dict(board["environments"][run["environment"]])["processor"] == "Example CPU 3000"
    assert dict(run["facts"])["MACs of the pyramid"] == "120,000,000"
    assert run["command"] == ""


def test_both_kinds_stand_in_one_page() -> None:
    boards = leaderboards([make_record(name, seed, 85.0) for name in ("none", "sge") for seed in (0, 1)])
    page = render_page(boards, detection_boards(records()), store="records")
    found = Elements(page)
    assert [attributes["id"] for tag, attributes in found.tags if tag == "section"] == ["board-1", "detection-1"]
    assert [board["score_name"] for board in found.data()] == ["top-1", "AP", "AP"]
    assert "2 leaderboards, 16 runs" in " ".join(found.words)
    assert [attributes["href"] for tag, attributes in found.tags if tag == "a"][1:] == ["#board-1", "#detection-1"]


def test_every_variant_seed_and_digest_is_there_without_a_script() -> None:
    page = page_of(records()).partition('<script type="application/json"')[0]
    for record in records():
        assert f'<th scope="row">{record.spec.attention}</th><td>{record.spec.seed}</td>' in page
        assert record.digest in page


def test_equal_records_give_equal_bytes_in_any_order() -> None:
    assert page_of(records()) == page_of(records()[::-1])


def test_one_run_without_a_baseline_makes_a_page() -> None:
    (board,) = Elements(page_of([make_detection_record("sge")])).data()
    assert board["deltas"] is None
    assert board["variants"][0]["delta"] is None
