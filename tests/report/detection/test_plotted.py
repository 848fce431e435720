"""What page and plot files draw of a detector, computed once for both."""

from dataclasses import replace

import pytest

from attnbench.report.detection.plotted import (
    cost_label,
    cost_points,
    detection_marks,
    interval_of,
    loss_curve,
    loss_names,
    precision_line,
    seed_differences,
    validation_curve,
)
from tests.detection_records import COUNTS, make_detection_record
from tests.report.detection.records import board_of, some, trained


def test_costs_are_those_of_body_and_pyramid_wherever_the_attention_stands() -> None:
    counts = replace(COUNTS, parameters=2_900_500, body_parameters=1_200_300, pyramid_macs=121_000_000, num_regions=50)
    records = [make_detection_record("none"), make_detection_record("sge:at=fpn", counts=counts)]
    (block,) = board_of(records).blocks
    rows = {point.variant: place for place, point in enumerate(cost_points(block, "macs"))}
    parameters, macs = cost_points(block, "parameters"), cost_points(block, "macs")
    assert parameters[rows["sge:at=fpn"]].cost - parameters[rows["none"]].cost == 500
    assert macs[rows["sge:at=fpn"]].cost - macs[rows["none"]].cost == 1_000_000
    assert cost_label(block, "parameters") == ("parameters of the detector (millions)", 1e6)
    assert cost_label(block, "macs") == ("multiply-accumulates of body and pyramid (MMACs)", 1e6)


def test_time_is_the_inverse_of_the_tables_speed() -> None:
    record = make_detection_record("sge", forward_ms=(20.0, 40.0), baseline_forward_ms=(10.0, 10.0))
    (point,) = cost_points(board_of([record]).blocks[0], "time")
    assert (point.cost, point.quartiles) == (pytest.approx(1 / 0.375), pytest.approx((1 / 0.4375, 1 / 0.3125)))


def test_a_point_has_half_the_width_of_the_tables_interval() -> None:
    (block,) = board_of(some(2)).blocks
    for row, point in zip(block.rows, cost_points(block, "macs"), strict=True):
        found = row.box["ap"]
        assert found.interval is not None
        assert point.percent == interval_of(found, 2)
        assert point.percent.mean == found.percent
        assert point.percent.half_width == pytest.approx((found.interval.high - found.interval.low) / 2)


def test_curves_are_means_over_the_seeds_that_have_them() -> None:
    first, second = (trained(make_detection_record("none", seed)) for seed in range(2))
    second = replace(second, curve=second.curve[:3])
    (block,) = board_of([first, second]).blocks
    assert loss_names(block) == ["loss_classifier", "loss_box_reg"]
    curve = loss_curve(block.rows[0], "loss_box_reg")
    losses = [record.curve[1].train_losses["loss_box_reg"] for record in (first, second)]
    assert curve.places == (1, 2, 3, 4, 5, 6)
    assert curve.means[1] == pytest.approx(sum(losses) / 2)
    assert [deviation is None for deviation in curve.deviations] == [False] * 3 + [True] * 3
    assert validation_curve(block.rows[0]).places == (2, 4, 6)
    assert loss_curve(block.rows[0], "loss_mask").places == ()


def test_the_mean_of_a_line_of_precision_is_the_rows_figure() -> None:
    (block,) = board_of(some(2)).blocks
    for row in block.rows:
        for iou, name in ((0.5, "ap50"), (0.75, "ap75")):
            line = precision_line(row, iou)
            assert line.places == tuple(range(101))
            assert sum(line.means) / 101 == pytest.approx(row.box[name].percent)


def test_seed_differences_are_of_shared_seeds() -> None:
    records = [make_detection_record("none", seed) for seed in (0, 1)]
    records += [make_detection_record("sge", seed, 0.8) for seed in (1, 2)]
    (block,) = board_of(records).blocks
    sge = next(row for row in block.rows if row.variant == "sge")
    assert block.baseline is not None
    found = seed_differences(sge, block.baseline)
    assert found == {1: records[2].values.box.ap_percent - records[1].values.box.ap_percent}


def test_a_variant_has_one_mark_in_all_detectors() -> None:
    records = [make_detection_record(name, detector="faster-rcnn") for name in ("none", "sge")]
    records += [make_detection_record(name, detector="retinanet") for name in ("none", "cbam", "sge")]
    marks = detection_marks(board_of(records))
    assert set(marks) == {"none", "sge", "cbam"}
    assert marks["none"].colour is None
    assert (marks["cbam"].colour, marks["sge"].colour) == (0, 1)
