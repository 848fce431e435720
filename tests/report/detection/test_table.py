from attnbench.detection_record import DetectionRecord
from attnbench.report.detection.table import BlockTable, DetectionTable, Group, detection_table
from tests.detection_records import make_detection_record, make_matches
from tests.report.detection.records import board_of, some

COCO = {"data": "coco", "backbone": "resnet50"}


def table_of(records: list[DetectionRecord]) -> DetectionTable:
    return detection_table(board_of(records))


def group(block: BlockTable, header: str) -> Group:
    (found,) = (group for group in block.groups if group.name[0] == header and group.name[1] != "published")
    return found


def test_columns_are_costs_figures_and_masks_where_there_are_some() -> None:
    faster, mask = table_of(some(detectors=("faster-rcnn", "mask-rcnn"))).blocks
    headers = [found.name[0] for found in faster.groups]
    assert headers == ["body params", "MMACs", "images/s", "AP %", "AP50 %", "AP75 %", "AP_S %", "AP_M %", "AP_L %"]
    assert [found.name[0] for found in mask.groups] == [*headers, "mask AP %"]


def test_a_cell_holds_figure_difference_and_interval() -> None:
    board = board_of(some(2))
    (block,) = detection_table(board).blocks
    figure = board.blocks[0].rows[0].box["ap"]
    assert figure.interval is not None
    assert figure.difference is not None
    assert figure.difference.interval is not None
    half = (figure.interval.high - figure.interval.low) / 2
    ends = figure.difference.interval
    assert group(block, "AP %").header == ["AP % ± 95 %", "Δ", "95 %"]
    assert group(block, "AP %").cell(0) == [
        f"{figure.percent:.1f} ± {half:.1f}",
        f"+{figure.difference.mean:.1f}*",
        f"[+{ends.low:.1f}, +{ends.high:.1f}]",
    ]
    baseline = block.names.index("none")
    assert len(group(block, "AP %").cell(baseline)) == 1
    assert group(block, "body params").cell(0) == ["1,200,128", "(+128)"]
    assert group(block, "body params").cell(baseline) == ["1,200,000"]


def test_one_seed_is_marked_otherwise_and_other_figures_are_not_marked() -> None:
    (block,) = table_of(some(1)).blocks
    assert block.names[0] == "sge"
    assert group(block, "AP %").cell(0)[1].endswith("†")
    for header in ("AP50 %", "AP75 %", "AP_S %", "AP_M %", "AP_L %"):
        assert group(block, header).cell(0)[1][-1].isdigit()


def test_without_differences_there_is_no_column_for_them() -> None:
    (block,) = table_of([make_detection_record("none")]).blocks
    assert group(block, "AP %").header == ["AP % ± 95 %"]


def test_an_area_without_objects_is_a_dash() -> None:
    (block,) = table_of([make_detection_record("none", matches=make_matches(areas=("small",)))]).blocks
    assert group(block, "AP_L %").cell(0) == ["– ± –"]


def test_every_cell_has_a_value_for_each_key_and_no_key_occurs_twice() -> None:
    for block in table_of(some(detectors=("faster-rcnn", "mask-rcnn"), **COCO)).blocks:
        columns = [column for found in block.groups for column in found.columns] + list(block.raw)
        for column in columns:
            assert {len(cell.raw) for cell in column.cells} == {len(column.keys)}
        keys = [key for column in columns for key in column.keys]
        assert len(keys) == len(set(keys))


def test_published_columns_stand_beside_the_paper_s_detectors_alone() -> None:
    faster, retina = table_of(some(detectors=("faster-rcnn", "retinanet"), **COCO)).blocks
    shown = {found.name[0]: [found.cell(row) for row in range(3)] for found in faster.published}
    assert faster.names[0] == "sge"
    assert [shown[header][0] for header in ("params M", "GFLOPs", "AP %", "AP50 %", "AP75 %")] == [
        ["23.51"], ["88.1"], ["38.7"], ["60.8"], ["41.7"]
    ]  # fmt: skip
    assert shown["AP %"][faster.names.index("se")] == []
    assert retina.published == ()
    notes = table_of(some(**COCO)).notes
    assert "24 epochs (2x), Cascade R-CNN for 20 (20e)" in notes[-1]


def test_published_columns_are_of_coco_alone() -> None:
    for settings in ({**COCO, "data": "coco:size=2"}, {"data": "coco"}, {**COCO, "annotations": ("a.json", "b.json")}):
        table = table_of(some(**settings))
        assert table.blocks[0].published == ()
        assert not any("Published" in note for note in table.notes)
