from dataclasses import replace

import numpy as np
import pytest

from attnbench.matches import Matches
from attnbench.report.detection.board import DetectionRow, DetectorBlock, detection_boards
from attnbench.stats.average_precision import ap_differences, ap_intervals
from tests.detection_records import make_detection_record, make_matches
from tests.report.detection.records import board_of, some


def row_of(block: DetectorBlock, variant: str) -> DetectionRow:
    (row,) = (row for row in block.rows if row.variant == variant)
    return row


def test_rows_hold_means_over_seeds_and_intervals_of_their_matches() -> None:
    records = some(2)
    (block,) = board_of(records).blocks
    row = row_of(block, "sge")
    assert block.rows[0] is row
    own = [record for record in records if record.spec.attention == "sge"]
    assert row.box["ap50"].percent == pytest.approx(np.mean([record.values.box.ap50_percent for record in own]))
    tables = [record.box_matches.unpack() for record in own]
    assert row.box["ap50"].interval == ap_intervals(tables)["ap50"]
    others = [record.box_matches.unpack() for record in records if record.spec.attention == "none"]
    difference = row.box["ap_small"].difference
    assert difference is not None
    assert difference.interval == ap_differences(list(zip(tables, others, strict=True)))["ap_small"]
    assert difference.mean == pytest.approx(difference.interval.mean if difference.interval else None)
    assert difference.seeds == (0, 1)


def test_the_baseline_and_what_shares_no_seed_have_no_difference() -> None:
    records = [make_detection_record("none", 0), make_detection_record("sge", 1), make_detection_record("se", 0)]
    (block,) = board_of(records).blocks
    assert {row.variant: row.box["ap"].difference is None for row in block.rows} == {
        "none": True, "sge": True, "se": False
    }  # fmt: skip


def test_without_a_baseline_there_is_no_difference() -> None:
    (block,) = board_of([make_detection_record("sge"), make_detection_record("se")]).blocks
    assert block.baseline is None
    assert block.num_comparisons == 0
    assert all(row.box["ap"].difference is None and row.baseline_counts is None for row in block.rows)


def test_only_ap_is_judged_and_the_judgement_is_corrected() -> None:
    faster, mask = board_of(some(detectors=("faster-rcnn", "mask-rcnn"))).blocks
    assert (faster.num_comparisons, mask.num_comparisons) == (2, 4)
    better, alike = row_of(mask, "sge"), row_of(mask, "se")
    assert better.mask is not None
    for found in (better.box, better.mask):
        judged = {name: figure.difference.excludes_zero for name, figure in found.items() if figure.difference}
        assert judged == {"ap": True} | dict.fromkeys(("ap50", "ap75", "ap_small", "ap_medium", "ap_large"))
    assert alike.box["ap"].difference is not None
    assert alike.box["ap"].difference.excludes_zero is False
    assert row_of(faster, "sge").mask is None


def test_a_difference_that_is_clear_alone_may_not_be_among_many() -> None:
    better, base = make_matches(0.52, 3), make_matches(0.5, 2)
    interval = ap_differences([(better, base)])["ap"]
    assert interval is not None
    # Student's quantiles with 15 degrees of freedom at 95 % and at 99 %.
    assert interval.degrees == 15
    assert 2.131 < interval.mean / interval.standard_error < 2.947
    alone = [make_detection_record("none", matches=base), make_detection_record("sge", matches=better)]
    (block,) = board_of(alone).blocks
    assert _judged(row_of(block, "sge")) is True
    others = [make_detection_record(name, matches=base) for name in ("bam", "cbam", "eca", "se")]
    (block,) = board_of([*alone, *others]).blocks
    assert block.num_comparisons == 5
    assert _judged(row_of(block, "sge")) is False


def _judged(row: DetectionRow) -> bool | None:
    assert row.box["ap"].difference is not None
    return row.box["ap"].difference.excludes_zero


def test_areas_without_objects_have_no_figure() -> None:
    records = [
        make_detection_record(variant, matches=make_matches(skill, areas=("small", "medium")))
        for variant, skill in (("none", 0.5), ("sge", 0.6))
    ]
    row = row_of(board_of(records).blocks[0], "sge")
    assert row.box["ap_large"].percent is None
    assert row.box["ap_large"].interval is None
    assert row.box["ap_large"].difference is None
    assert row.box["ap_small"].difference is not None


def test_one_test_image_gives_figures_without_intervals() -> None:
    records = [
        make_detection_record(variant, matches=make_matches(skill, num_images=1))
        for variant, skill in (("none", 0.5), ("sge", 0.9))
    ]
    figure = row_of(board_of(records).blocks[0], "sge").box["ap"]
    assert figure.percent is not None
    assert figure.interval is None
    assert figure.difference is not None
    assert (figure.difference.interval, figure.difference.excludes_zero) == (None, False)


def test_speed_is_the_ratio_of_neighbouring_passes() -> None:
    record = make_detection_record("sge", forward_ms=(10.0, 20.0, 40.0), baseline_forward_ms=(5.0, 20.0, 80.0))
    row = board_of([record]).blocks[0].rows[0]
    assert row.images_per_s == 50.0
    assert (row.throughput_ratio.median, row.throughput_ratio.lower_quartile) == (1.0, 0.75)


def test_facts_are_of_all_detectors() -> None:
    records = some(2, detectors=("retinanet", "faster-rcnn"), faults={"zero-area box": 2}, num_crowds=3)
    board = board_of(records)
    assert [block.detector for block in board.blocks] == ["retinanet", "faster-rcnn"]
    assert (board.facts.num_records, board.facts.seeds, board.facts.train_s) == (12, (0, 1), 3600.0)
    assert (board.facts.spec.attention, board.facts.spec.seed, board.facts.spec.plugin) == ("none", 0, None)
    assert board.facts.num_test_objects["crowd"] == 3


def test_each_group_has_a_board() -> None:
    assert len(detection_boards([*some(), *some(backbone="resnet34")])) == 2


def test_packed_matches_are_what_figures_follow_from() -> None:
    """A record whose matches are another's has that other's intervals."""
    record, other = make_detection_record("sge", skill=0.4), make_detection_record("sge", skill=0.8)
    swapped = replace(record, box_matches=Matches.pack(other.box_matches.unpack()))
    one, two = (board_of([found]).blocks[0].rows[0].box["ap"].interval for found in (swapped, other))
    assert one == two
